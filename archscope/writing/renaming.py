"""Names that a spec takes, for a network that was read from elsewhere: ``0.conv`` → ``layer0.conv``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from archscope.escaping import visible
from archscope.network import Network, Node, Ref
from archscope.reader.entries import NAME

_RESERVED: Final = frozenset({"input", "total"})


def renamed(network: Network) -> tuple[Network, Mapping[str, str]]:
    """The network with names that a spec takes, and the parts of names that became others.

    >>> from archscope.layers import Linear
    >>> mlp = Network("mlp", {"input": (4,)}, [Node("0", Linear(out_features=2), (Ref("input"),), "0")])
    >>> made, changed = renamed(mlp)
    >>> [node.name for node in made.nodes], dict(changed)
    (['layer0'], {'0': 'layer0'})
    """
    inputs = _inputs(network.inputs)
    parts = _parts(network, {*inputs.values()})
    if all(old == new for old, new in (*inputs.items(), *parts.items())):
        return network, {}

    def of_row(name: str) -> str:
        return ".".join(parts[at, part] for at, part in enumerate(name.split(".")))

    def of_ref(ref: Ref) -> Ref:
        return ref.replace(node=inputs[ref.node] if ref.node in network.inputs else names[ref.node])

    names = {node.name: of_row(node.row) + node.name.removeprefix(node.row) for node in network.nodes}
    nodes = [_node(node, names, of_row, of_ref, parts) for node in network.nodes]
    changed = {part: new for (_, part), new in parts.items() if part != new}
    changed.update({old: new for old, new in inputs.items() if old != new})
    return network.replace(
        nodes=nodes,
        inputs={inputs[name]: shape for name, shape in network.inputs.items()},
        vocabularies={inputs[name]: count for name, count in network.vocabularies.items()},
        outputs=tuple(of_ref(ref) for ref in network.outputs),
        facts={names[name]: facts for name, facts in network.facts.items()},
    ), changed


def encodable(network: Network) -> Network:
    r"""The network for a file whose text is UTF-8: one with half a surrogate pair in a name has other names.

    >>> from archscope.layers import Linear
    >>> odd = Network("n\ud800", {"input": (4,)}, [Node("\ud800", Linear(out_features=2), (Ref("input"),), "\ud800")])
    >>> encodable(odd).name, [node.name for node in encodable(odd).nodes]
    ('n�', ['_'])
    """
    told = {"name": network.name, "title": network.title, "summary": network.summary}
    changed = {key: visible(text) for key, text in told.items() if text and not _is_encodable(text)}
    if not _is_encodable("".join([*network.inputs, *(node.name for node in network.nodes)])):
        network, _ = renamed(network)
    return network.replace(**changed) if changed else network


def _is_encodable(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


def _node(
    node: Node,
    names: Mapping[str, str],
    of_row: Callable[[str], str],
    of_ref: Callable[[Ref], Ref],
    parts: Mapping[tuple[int, str], str],
) -> Node:
    return node.replace(
        name=names[node.name],
        row=of_row(node.row),
        inputs=tuple(of_ref(ref) for ref in node.inputs),
        group=tuple(parts.get((at, part), part) for at, part in enumerate(node.group)),
        shares=None if node.shares is None else names[node.shares],
    )


def _inputs(names: Iterable[str]) -> dict[str, str]:
    taken: set[str] = set()
    return {name: _free(_valid(name, first=True), taken) for name in names}


def _parts(network: Network, inputs: set[str]) -> dict[tuple[int, str], str]:
    """What each part of a name becomes in its place; only the first may not begin with a digit."""
    parts: dict[tuple[int, str], str] = {}
    found = dict.fromkeys((at, part) for node in network.nodes for at, part in enumerate(node.row.split(".")))
    taken: dict[int, set[str]] = {0: {*inputs, *_RESERVED}}
    good = [place for place in found if _valid(place[1], first=place[0] == 0) == place[1]]
    for at, part in dict.fromkeys([*good, *found]):
        parts[at, part] = _free(_valid(part, first=at == 0), taken.setdefault(at, set()))
    return parts


def _valid(part: str, *, first: bool) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", part) or "_"
    return f"layer{plain}" if first and not NAME.match(plain) else plain


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_"
    taken.add(name)
    return name
