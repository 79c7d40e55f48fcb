"""A network → `Statement`: a spec of it, read back and held against it before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archscope.analysis import Analysis, analyze
from archscope.errors import SpecError, UsageError
from archscope.escaping import line
from archscope.layers.base import spell_shape, spell_shapes
from archscope.network import COUNTS, Network
from archscope.reader import read
from archscope.record import EMPTY, Record
from archscope.rows import Row
from archscope.writing.folding import folded
from archscope.writing.renaming import renamed
from archscope.writing.spec import document, write_spec
from archscope.writing.tidied import constants_first, living
from archscope.writing.unsayable import check_sayable


class Statement(Record):
    """A spec of a network: groups that are alike are blocks, and what follows one another is repeated.

    Where that would be longer, or another network, every layer has a line of its own.

    Attributes:
        text: the spec.
        network: what it reads as.
        differences: where its numbers are others than those of the network, each with the reason.
        blocks: how many blocks it has.
        names: what each node of the network is called in it.
    """

    text: str
    network: Network
    differences: tuple[str, ...]
    blocks: int
    names: Mapping[str, str] = EMPTY


def state(network: Network) -> Statement:
    """A spec of a network: groups that are alike are blocks, and what follows one another is repeated.

    Where that would be longer, or another network, every layer has a line of its own.

    Raises:
        UsageError: the language has no words for something in it; names each.

    >>> text = "input: [4]\\nlayers: {a: {type: linear, out_features: 4, repeat: 3, activation: relu}}"
    >>> print(state(read(text, name="three")).text)
    name: three
    title: three
    input: [4]
    layers:
      a: {type: linear, out_features: 4, activation: relu, repeat: 3}
    """
    network, unread = living(network)
    mine = set(network.by_name)
    check_sayable(network)
    ordered = constants_first(network)
    plain, changed = renamed(ordered)
    remarks = _remarks(changed, unread)
    flat = _read_back(network, write_spec(plain, remarks=remarks))
    kept = {doubt.name for doubt in network.doubts}
    allow = sorted({doubt.name for doubt in flat.doubts} - kept)
    text, blocks = write_spec(plain, allow, remarks), 0
    fold = folded(plain)
    if fold is not None:
        shorter = document(plain, fold.lines, fold.blocks, ends=fold.ends, allow=allow, remarks=remarks)
        if shorter.count("\n") < text.count("\n") and _same(shorter, flat):
            text, blocks = shorter, len(fold.blocks)
    again = _read_back(network, text)
    # A mask that several read has another name already, and no weights.
    names = {old.name: new.name for old, new in zip(ordered.nodes, again.nodes, strict=True) if old.name in mine}
    return Statement(text, again, tuple(_differences(analyze(plain), analyze(again))), blocks, names)


def _remarks(changed: Mapping[str, str], unread: Sequence[str]) -> Sequence[str]:
    listed = ", ".join(f"{line(old)} → {new}" for old, new in changed.items())
    named = [f"Names that a spec cannot have are others here: {listed}"] if changed else []
    return (*named, *([f"Left out, as nothing reads it: {', '.join(map(line, unread))}"] if unread else []))


def _read_back(network: Network, text: str) -> Network:
    try:
        return read(text)
    except SpecError as error:
        raise UsageError(f"{network.name} cannot be written as a spec; it would not be read:\n{error}") from None


def _same(text: str, flat: Network) -> bool:
    """Whether a spec with blocks is, node for node, the network of the flat one."""
    try:
        short = read(text)
    except SpecError:
        return False
    mine, theirs = ([node.replace(init=tuple(sorted(node.init))) for node in each.nodes] for each in (short, flat))
    return mine == theirs and short.outputs == flat.outputs and [*short.inputs.items()] == [*flat.inputs.items()]


def _differences(given: Analysis, written: Analysis) -> Iterator[str]:
    """What the spec says otherwise than the network, row by row, with the reason where it is known."""
    seen = given.network.observed
    batch = 1 if seen is None else seen.batch
    if batch > 1:
        yield f"a spec is about one sample, and the module was given {batch}: its MACs are those of all of them"
    for mine, theirs in zip(given.rows, written.rows, strict=True):
        yield from (f"`{mine.name}`: {each}" for each in _of_row(mine, theirs, batch))
    if seen is not None and seen.unused:
        values = sum(weight.values for weight in seen.unused)
        yield f"{values:,} parameters that nothing used are held by the module, and by no layer of the spec"
    if given.weight_types != written.weight_types:
        yield f"its weights are held as {', '.join(given.weight_types)}; those of a spec count as float32"


def _of_row(mine: Row, theirs: Row, batch: int) -> Iterator[str]:
    if mine.outputs != theirs.outputs:
        yield f"its output is {spell_shapes(mine.outputs)}, and {spell_shapes(theirs.outputs)} in the spec"
    for quantity in COUNTS:
        one, other = mine.count_of(quantity), theirs.count_of(quantity)
        if one == other or (batch > 1 and one is not None and other is not None and one == batch * other):
            continue
        shown = ["not covered" if each is None else f"{int(each):,}" for each in (one, other)]
        yield f"{quantity.replace('_', ' ')} {shown[0]}, and {shown[1]} in the spec{_why(mine, quantity)}"
    if mine.seen != theirs.seen:
        fields = ["none" if each.seen is None else spell_shape(each.seen.size) for each in (mine, theirs)]
        yield f"its receptive field is {fields[0]}, and {fields[1]} in the spec"


def _why(row: Row, quantity: str) -> str:
    frozen = any(not weight.trainable for _, weight in row.weights)
    return "; a spec has no word for frozen weights" if frozen and quantity in ("parameters", "fixed") else ""
