"""A network as the text of a spec: flat, every layer on a line of its own, or with lines and blocks that are given."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from archscope.escaping import json_text
from archscope.network import Network, Node, Published, Ref
from archscope.reader.blocks.expression import escaped
from archscope.record import EMPTY

Init = tuple[tuple[str, tuple[str, tuple[float, ...]]], ...]

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./×-]*\Z")
_WORDS: Final = frozenset({"true", "false", "null", "y", "n", "yes", "no", "on", "off"})


class Raw(str):
    """A text that stands in a spec as it is: ``$c``, ``2*$c``."""

    __slots__ = ()


Lines = Mapping[str, Mapping[str, Any]]
"""Lines of a spec by name, each with what it says."""


def write_spec(network: Network, allow: Sequence[str] = (), remarks: Sequence[str] = ()) -> str:
    """The text of a spec that reads as the same network, without blocks.

    ``allow`` names the warnings that are not given, ``remarks`` are comments at its head.

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
    return document(network, flat_lines(network), allow=allow, remarks=remarks)


def document(
    network: Network,
    layers: Lines,
    blocks: Mapping[str, Mapping[str, Any]] = EMPTY,
    *,
    ends: Sequence[str] | None = None,
    allow: Sequence[str] = (),
    remarks: Sequence[str] = (),
) -> str:
    """The text of a spec with these lines and blocks, and all else that the network says.

    ``ends`` are its outputs as these lines call them; rows by name, if left out.
    """
    named = [_reads(network, ref) for ref in network.outputs] if ends is None else ends
    return "\n".join(_document(network, layers, blocks, named, allow, remarks))


def _document(
    network: Network,
    layers: Lines,
    blocks: Mapping[str, Mapping[str, Any]],
    ends: Sequence[str],
    allow: Sequence[str],
    remarks: Sequence[str],
) -> Iterator[str]:
    yield from (f"# {' '.join(each.split())}" for each in remarks)
    yield f"name: {_scalar(network.name)}"
    yield f"title: {_scalar(network.title or network.name)}"
    if network.summary:
        yield f"summary: {_scalar(' '.join(network.summary.split()))}"
    if network.year is not None:
        yield f"year: {_scalar(network.year)}"
    if network.task is not None:
        yield f"task: {_scalar(network.task)}"
    if network.sources:
        yield "sources:"
        yield from (f"  {_scalar(name)}: {_scalar(' '.join(text.split()))}" for name, text in network.sources.items())
    if allow:
        yield f"allow: {_value(allow if len(allow) > 1 else allow[0])}"
    yield f"input: {_inputs(network)}"
    if blocks:
        yield "blocks:"
    for name, block in blocks.items():
        yield f"  {name}:"
        yield from (f"    {key}: {_value(_escaped(each))}" for key, each in block.items() if key != "layers")
        yield "    layers:"
        yield from (f"      {line}: {_value(_escaped(said))}" for line, said in block["layers"].items())
    yield "layers:"
    yield from (f"  {name}: {_value(_escaped(said))}" for name, said in layers.items())
    if [*ends] != [*layers][-1:]:
        yield f"output: {_value(ends if len(ends) > 1 else ends[0])}"
    titles = {"/".join(path): group.title for path, group in network.groups.items() if group.title}
    if titles:
        yield f"titles: {_value(titles)}"
    common = usual_init(network)
    if common:
        yield f"init: {_value({weight: _scheme(*how) for weight, how in common})}"
    if network.training is not None:
        yield f"training: {_value({key: each for key, each in network.training.items() if each is not None})}"
    picture = _picture(network, layers)
    if picture:
        yield f"figure: {_value(picture)}"
    if network.published:
        yield "published:"
        yield from (f"  - {_value(_figure(each))}" for each in network.published)


def _picture(network: Network, layers: Mapping[str, Any]) -> dict[str, Any]:
    """How it is drawn; names of layers that are not written, such as those of groups, are left out."""
    picture: dict[str, Any] = {
        key: list(each) if isinstance(each, tuple) else each for key, each in network.figure.items()
    }
    for key in ("labels", "notes"):
        if key in picture:
            picture[key] = {name: said for name, said in picture[key].items() if name in layers}
    if "highlight" in picture:
        picture["highlight"] = [name for name in picture["highlight"] if name in layers or set("*?[") & set(name)]
    return {key: each for key, each in picture.items() if each not in ({}, [])}


def flat_lines(network: Network) -> dict[str, dict[str, Any]]:
    """A line for every row of a network, under its own name."""
    above = next(iter(network.inputs)) if len(network.inputs) == 1 else None
    common = usual_init(network)
    lines = {}
    for name, nodes in rows_of(network).items():
        reads = _without_towers(network, nodes[0], [_reads(network, ref) for ref in nodes[0].inputs])
        lines[name] = {**what(nodes), **_from(reads, above), **place(network, name, nodes, common)}
        above = name
    return lines


def rows_of(network: Network) -> dict[str, list[Node]]:
    """The nodes of each row."""
    rows: dict[str, list[Node]] = {}
    for node in network.nodes:
        rows.setdefault(node.row, []).append(node)
    return rows


def _inputs(network: Network) -> str:
    shapes: dict[str, Any] = {name: [int(extent) for extent in shape] for name, shape in network.inputs.items()}
    for name, many in network.vocabularies.items():
        shapes[name] = {"shape": shapes[name], "vocabulary": many}
    return _value(shapes["input"] if [*shapes] == ["input"] else shapes)


def usual_init(network: Network) -> Init:
    """How weights start where no line says otherwise: the most usual scheme, where every layer has one."""
    nodes = [node for node in network.nodes if not node.folded]
    told = Counter(each for node in nodes for each in node.init)
    names = {weight for weight, _ in told if all(weight in dict(node.init) for node in nodes)}
    return tuple(next(each for each, _ in told.most_common() if each[0] == name) for name in sorted(names))


def what(nodes: Sequence[Node]) -> dict[str, Any]:
    """What a line says of the layer itself: its type and options, and the activation named on it."""
    said = {"type": nodes[0].layer.type, **nodes[0].layer.stated()}
    activation = next((each.layer for each in nodes if each.folded), None)
    if activation is not None:
        stated = activation.stated()
        said["activation"] = {"type": activation.type, **stated} if stated else activation.type
    return said


def _from(reads: Sequence[str], above: str | None) -> dict[str, Any]:
    """What a line reads, where it is not the line above; nothing where the layer reads nothing."""
    if not reads or [*reads] == [above]:
        return {}
    return {"from": [*reads] if len(reads) > 1 else reads[0]}


def place(network: Network, name: str, nodes: Sequence[Node], common: Init) -> dict[str, Any]:
    """What a line says of its place where that is not the usual one, all but what it reads."""
    node = nodes[0]
    said: dict[str, Any] = {}
    if node.group and node.group != tuple(name.split(".")[:-1]):
        said["group"] = "/".join(node.group)
    towers = [*dict.fromkeys(each.tower for each in nodes if each.tower is not None)]
    if towers:
        said["towers"] = towers
    if node.shares is not None:
        said["shares"] = network.by_name[node.shares].row
    held = {weight.name for weight in network.facts[node.name].weights}
    own = {weight: _scheme(*how) for weight, how in node.init if weight in held and (weight, how) not in common}
    if own:
        said["init"] = own
    if node.caption:
        said["caption"] = node.caption
    return said


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


def _scheme(name: str, numbers: tuple[float, ...]) -> Any:
    if not numbers:
        return name
    return {name: numbers[0] if len(numbers) == 1 else list(numbers)}


def _figure(figure: Published) -> Mapping[str, Any]:
    said = {name: getattr(figure, name) for name in ("layer", "quantity", "value", "claim", "source", "where", "why",
                                                     "note", "input")}  # fmt: skip
    return {name: each for name, each in said.items() if each is not None}


def _escaped(value: Any) -> Any:
    """What a line says, with `$$` for each `$` that begins no name."""
    if isinstance(value, Mapping):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(each) for each in value]
    return escaped(value) if isinstance(value, str) and not isinstance(value, Raw) else value


def _value(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(int(value) if value == int(value) and abs(value) < 1e15 else value)
    text = re.sub("[\ud800-\udfff]", "�", str(value))  # YAML has no half of a character
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else json_text(text)
