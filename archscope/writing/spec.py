"""A network as a flat spec: blocks, copies and arithmetic written out, every layer on a line of its own."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from archscope.layers.base import Layer
from archscope.network import Network, Node, Published, Ref

Init = tuple[tuple[str, tuple[str, tuple[float, ...]]], ...]

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./×-]*\Z")
_WORDS: Final = frozenset({"true", "false", "null", "y", "n", "yes", "no", "on", "off"})


def write_spec(network: Network) -> str:
    """The text of a spec that reads as the same network, without blocks.

    >>> import archscope
    >>> text = "input: [4]\\nlayers:\\n  a: {type: linear, out_features: 4, repeat: 2, activation: relu}"
    >>> print(write_spec(archscope.read(text, name="two")))
    name: two
    title: two
    input: [4]
    layers:
      a.0: {type: linear, out_features: 4, activation: relu}
      a.1: {type: linear, out_features: 4, activation: relu}
    """
    return "\n".join(_lines(network))


def _lines(network: Network) -> Iterator[str]:
    yield f"name: {_scalar(network.name)}"
    yield f"title: {_scalar(network.title)}"
    if network.summary:
        yield f"summary: {_scalar(' '.join(network.summary.split()))}"
    if network.sources:
        yield "sources:"
        yield from (f"  {_scalar(name)}: {_scalar(' '.join(text.split()))}" for name, text in network.sources.items())
    yield f"input: {_inputs(network)}"
    yield "layers:"
    above = next(iter(network.inputs)) if len(network.inputs) == 1 else None
    common = _common(network)
    rows: dict[str, list[Node]] = {}
    for node in network.nodes:
        rows.setdefault(node.row, []).append(node)
    for name, nodes in rows.items():
        yield f"  {name}: {{{', '.join(_said(network, name, nodes, above, common))}}}"
        above = name
    ends = [_reads(network, ref) for ref in network.outputs]
    if ends != [above]:
        yield f"output: {_value(ends if len(ends) > 1 else ends[0])}"
    titles = {"/".join(path): group.title for path, group in network.groups.items() if group.title}
    if titles:
        yield f"titles: {_value(titles)}"
    if common:
        yield f"init: {_value({weight: _scheme(*how) for weight, how in common})}"
    if network.training is not None:
        yield f"training: {_value({key: each for key, each in network.training.items() if each is not None})}"
    if network.published:
        yield "published:"
        yield from (f"  - {_value(_figure(each))}" for each in network.published)


def _inputs(network: Network) -> str:
    shapes: dict[str, Any] = {name: [int(extent) for extent in shape] for name, shape in network.inputs.items()}
    for name, many in network.vocabularies.items():
        shapes[name] = {"shape": shapes[name], "vocabulary": many}
    return _value(shapes["input"] if [*shapes] == ["input"] else shapes)


def _common(network: Network) -> Init:
    """How weights start where no line says otherwise: the most usual scheme, where every layer has one."""
    nodes = [node for node in network.nodes if not node.folded]
    told = Counter(each for node in nodes for each in node.init)
    names = {weight for weight, _ in told if all(weight in dict(node.init) for node in nodes)}
    return tuple(next(each for each, _ in told.most_common() if each[0] == name) for name in sorted(names))


def _said(network: Network, name: str, nodes: Sequence[Node], above: str | None, common: Init) -> Iterator[str]:
    """What a line says: its type and options, and its place where that is not the usual one."""
    node = nodes[0]
    activation = next((each.layer for each in nodes if each.folded), None)
    yield f"type: {node.layer.type}"
    yield from _stated(node.layer)
    if activation is not None:
        inner = ", ".join([f"type: {activation.type}", *_stated(activation)])
        yield f"activation: {activation.type}" if inner == f"type: {activation.type}" else f"activation: {{{inner}}}"
    reads = [_reads(network, ref) for ref in node.inputs]
    reads = _without_towers(network, node, reads)
    if reads != [above]:
        yield f"from: {_value(reads if len(reads) > 1 else reads[0])}"
    if node.group and node.group != tuple(name.split(".")[:-1]):
        yield f"group: {_scalar('/'.join(node.group))}"
    towers = [*dict.fromkeys(each.tower for each in nodes if each.tower is not None)]
    if towers:
        yield f"towers: {_value(towers)}"
    if node.shares is not None:
        yield f"shares: {network.by_name[node.shares].row}"
    own = {weight: _scheme(*how) for weight, how in node.init if (weight, how) not in common}
    if own:
        yield f"init: {_value(own)}"
    if node.caption:
        yield f"caption: {_scalar(node.caption)}"


def _without_towers(network: Network, node: Node, reads: list[str]) -> list[str]:
    """A layer on no tower that reads one on towers has an input for each copy, and says its name once."""
    towers = {ref.node for ref in node.inputs if ref.node in network.by_name and network.by_name[ref.node].tower}
    return [*dict.fromkeys(reads)] if towers else reads


def _reads(network: Network, ref: Ref) -> str:
    node = network.by_name.get(ref.node)
    if node is None:
        return ref.node
    names = node.layer.output_names
    return node.row if ref.output == 0 else f"{node.row}.{names[ref.output]}"


def _stated(layer: Layer) -> Iterator[str]:
    for option, value in layer.stated().items():
        yield f"{option}: {_value(value)}"


def _scheme(name: str, numbers: tuple[float, ...]) -> Any:
    if not numbers:
        return name
    return {name: numbers[0] if len(numbers) == 1 else list(numbers)}


def _figure(figure: Published) -> Mapping[str, Any]:
    said = {name: getattr(figure, name) for name in ("layer", "quantity", "value", "claim", "source", "where", "why",
                                                     "note", "input")}  # fmt: skip
    return {name: each for name, each in said.items() if each is not None}


def _value(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(int(value) if value == int(value) and abs(value) < 1e15 else value)
    text = str(value)
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)
