"""The warnings about a spec: what is allowed in it and yet seldom meant.

What a layer type notices about its place is asked of its class; what concerns several layers is noticed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import gcd
from typing import Any, Final

from archscope.diagnostics import Diagnostic, Note, Span
from archscope.layers.base import Facts, Layer, Shape, Window, spell_shape
from archscope.layers.doubt import MAPS, SEQUENCE, Doubt, Meaning, Place
from archscope.limits import MOST_MISTAKES
from archscope.network import Group, Network, Node
from archscope.reader.entries import Entry
from archscope.source import Mapping as MappingTree

SMALLEST_SIDE: Final = 16
"""An input with a side below this is taken for what it says it is, not for an image with its channels last."""
IMAGE_CHANNELS: Final = (1, 3, 4)
"""Grey, colour, and colour with transparency."""
_LONGEST_STRIDE: Final = 256
"""Up to this, positions that several layers read are put together one by one; patches have strides of 32."""


def doubts_of(
    network: Network, entries: Mapping[str, Entry], inputs: Mapping[str, Span], allow: Sequence[str]
) -> tuple[Diagnostic, ...]:
    """Every warning about a network, in the order of the spec, those that it allows left out."""
    found = [*_unread(network, inputs), *_channels_last(network, inputs)]
    found += [
        _placed(doubt, entries[node.row], node.layer)
        for node, doubt in _of_layers(network, entries)
        if doubt.kind not in entries[node.row].allow
    ]
    unique = {(each.name, str(each.span)): each for each in found if each.name not in allow}
    return tuple(sorted(unique.values(), key=lambda each: (each.span.line, each.span.column) if each.span else (0, 0)))


def as_mistakes(doubts: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Warnings as mistakes, for who wants none."""
    return [each.replace(level="error") for each in doubts]


def spell_doubts(doubts: Iterable[Diagnostic]) -> str:
    """Warnings as text: of each file the first of each kind whole, with the places of the others under it."""
    kinds: dict[tuple[str, str], list[Diagnostic]] = {}
    for each in doubts:
        source = "" if each.span is None else each.span.source.name
        kinds.setdefault((source, each.name), []).append(each)
    return "\n\n".join(str(_with_others(first, others)) for first, *others in kinds.values())


def _with_others(first: Diagnostic, others: Sequence[Diagnostic]) -> Diagnostic:
    if not others:
        return first
    lines = [str(each.span.line + 1) for each in others if each.span is not None]
    places = ", ".join(lines[:10]) + (f" and {len(lines) - 10:,} more" if len(lines) > 10 else "")
    note = Note(f"the same on line{'s' if len(lines) > 1 else ''} {places}")
    return first.replace(notes=(*first.notes, note))


def _placed(doubt: Doubt, entry: Entry, layer: Layer) -> Diagnostic:
    span = entry.span_of("activation" if entry.layer is not layer else doubt.option)
    title = entry.title if entry.layer is layer else f"`{entry.name}` ({layer.type})"
    help_ = f"{doubt.help}; if it is meant, `allow: {doubt.kind}`"
    return Diagnostic(doubt.kind, f"{title}: {doubt.message}", span, help=help_, level="warning")


def _of_layers(network: Network, entries: Mapping[str, Entry]) -> Iterator[tuple[Node, Doubt]]:
    axes, features = _meanings(network), _features(network)
    shared = {node.shares for node in network.nodes if node.shares is not None}
    ends = _ends(network)
    asked: dict[Any, tuple[Doubt, ...]] = {}  # equal layers in equal places are asked once
    for node in network.nodes:
        readers = network.consumers[node.name]
        alone = node.shares is None and node.name not in shared and node.name not in ends
        facts, stated, came = network.facts[node.name], _stated(node, entries[node.row]), _came(node, axes)
        centred = (
            alone
            and bool(readers)
            and all(each.layer.centres_each(network.facts[each.name].inputs) for each in readers)
        )
        place = (id(node.layer), id(facts), stated, came, node.name in features, centred)
        if place not in asked:
            where = Place(inputs=facts.inputs, axes=came, features=node.name in features, stated=frozenset(stated),
                          centred=centred)  # fmt: skip
            asked[place] = tuple(node.layer.doubts(where))
        for doubt in asked[place]:
            yield node, doubt
        for doubt in _ends_cut(node, network, ends):
            yield node, doubt
    yield from _skipped(network, ends)
    yield from _striding(network)


def _ends(network: Network) -> frozenset[str]:
    return frozenset(ref.node for ref in network.outputs)


def _stated(node: Node, entry: Entry) -> tuple[str, ...]:
    """The options that a spec states of a layer, or of the activation named on it."""
    tree = entry.tree
    if node.folded and tree is not None:
        named = tree.get("activation")
        tree = named if isinstance(named, MappingTree) else None
    return () if tree is None else tuple(tree.entries)


def _meanings(network: Network) -> dict[str, Meaning]:
    """What the axes of each value mean, as far as what made it says."""
    axes: dict[str, Meaning] = dict.fromkeys(network.inputs, "")
    for node in network.nodes:
        axes[node.name] = node.layer.meaning(_came(node, axes))
    return axes


def _came(node: Node, axes: Mapping[str, Meaning]) -> Meaning:
    return next((axes[ref.node] for ref in node.inputs if ref.output == 0 and axes[ref.node]), "")


def _features(network: Network) -> set[str]:
    """The values whose last axis is taken for features further on."""
    taken: set[str] = set()
    for node in reversed(network.nodes):
        keeps = node.layer.meaning(SEQUENCE) == SEQUENCE and node.layer.meaning("") == ""
        if node.layer.takes == SEQUENCE or (keeps and node.name in taken):
            taken.update(ref.node for ref in node.inputs)
    return taken


def _unread(network: Network, inputs: Mapping[str, Span]) -> Iterator[Diagnostic]:
    for name, span in inputs.items():
        if not network.consumers.get(name):
            yield Diagnostic(
                "unread-input",
                f"no layer reads the input `{name}`",
                span,
                help=f"write `from: {name}` where it is wanted, or remove it",
                level="warning",
            )


def _channels_last(network: Network, inputs: Mapping[str, Span]) -> Iterator[Diagnostic]:
    suspected = (each for each in network.inputs.items() if looks_channels_last(each[1]))
    for name, shape in islice(suspected, MOST_MISTAKES):
        reader = _taker_of_maps(name, network)
        if reader is None:
            continue
        first, *others = shape
        yield Diagnostic(
            "channels-last",
            f"`{name}` is {spell_shape(shape)}, which is {first} channels of {spell_shape(tuple(others))}",
            inputs[name],
            (Note(f"`{reader.row}` ({reader.layer.type}) takes the channels first", reader.span),),
            help=f"if it is {'an image' if len(shape) == 3 else 'a volume'}, write `{_channels_first(shape)}`; "
            "if not, `allow: channels-last`",
            level="warning",
        )


def _taker_of_maps(name: str, network: Network) -> Node | None:
    """The first layer that takes a value, or what other layers leave of it, for maps."""
    kept = {name}
    for node in network.nodes:  # in an order in which each comes after what it reads
        if any(ref.node in kept for ref in node.inputs):
            if node.layer.takes == MAPS:
                return node
            if node.layer.meaning("") == "" and node.layer.meaning(MAPS) == MAPS:
                kept.add(node.name)
    return None


def looks_channels_last(shape: Shape) -> bool:
    """Whether a shape is that of an image, or of a volume or a film, with its channels last.

    >>> looks_channels_last((224, 224, 3)), looks_channels_last((512, 7, 1)), looks_channels_last((16, 112, 112, 3))
    (True, False, True)
    """
    if len(shape) not in (3, 4) or shape[-1] not in IMAGE_CHANNELS:
        return False
    short, long = min(shape[:-1]), max(shape[:-1])
    return short >= SMALLEST_SIDE and long <= (4 if len(shape) == 3 else 16) * short


def _channels_first(shape: Shape) -> list[int]:
    *sides, channels = (int(extent) for extent in shape)
    return [channels, *sides]


def remedy_of_input(layer: Layer, shape: Shape, name: str) -> str | None:
    """What to write for an input that a layer refuses for a reason that beginners meet; None if it is another one."""
    sides = [int(extent) for extent in shape]
    if layer.takes == MAPS and looks_channels_last(shape):
        return f"channels come first: write `{_channels_first(shape)}` for `{name}`"
    if layer.axes and len(shape) == layer.axes + 2:
        return f"a shape is that of one sample, without the batch: write `{sides[1:]}` for `{name}`"
    return None


def _ends_cut(node: Node, network: Network, ends: frozenset[str]) -> Iterator[Doubt]:
    """A ReLU at the end, where the loss takes scores of either sign."""
    if node.layer.cuts and network.training and network.training["loss"] == "cross_entropy":
        readers = network.consumers[node.name]
        while len(readers) == 1 and readers[0].layer.shares_memory:
            node, readers = readers[0], network.consumers[readers[0].name]
        if node.name in ends and not readers:
            yield Doubt(
                "relu-before-loss",
                "the network ends in it, and is trained with cross-entropy: no class can get a score below 0",
                "remove the activation",
            )


def _skipped(network: Network, ends: frozenset[str]) -> Iterator[tuple[Node, Doubt]]:
    """Windows that step over values which no other layer reads."""
    facts = network.facts
    whole: dict[int, bool] = {}  # by the facts, which equal layers have in common
    for name, readers in network.consumers.items():
        if not readers or name in ends or any(_reads_all(facts[each.name], whole) for each in readers):
            continue
        axes = min(len(network.facts[each.name].windows or ()) for each in readers)
        for axis in range(axes):
            windows = [_window(each, network, axis) for each in readers]
            window = windows[0]
            length = int(facts[readers[0].name].inputs[0][axis + 1])
            if any(each.stride != window.stride for each in windows) or window.stride > length:
                continue
            if missed := _missed(windows):
                common = gcd(window.stride, window.dilation) > 1
                message = (
                    f"a stride of {window.stride} over a kernel of {window.kernel}"
                    f"{f' and a dilation of {window.dilation}' if common else ''}: "
                    f"nothing reads {missed} of {window.stride} positions of `{name}` along an axis"
                )
                other = "a stride and a dilation without a common factor" if common else "a larger kernel"
                yield readers[0], Doubt("skipped-values", message, f"use {other} or a smaller stride", "stride")
                break


def _striding(network: Network) -> Iterator[tuple[Node, Doubt]]:
    """Strides of a table's row that are those of its second copy too; once for each stage."""
    stages = {path for path, group in network.groups.items() if group.copies > 1 and len(path) > 1 and not group.block}
    stages = {path for path in stages if network.groups.get(path[:-1], Group()).copies}
    for node in network.nodes if stages else ():
        for depth in range(2, len(node.group)):
            stage = node.group[:depth]
            stride = max((int(each) for each in getattr(node.layer, "stride", ())), default=1)
            if stage in stages and node.group[depth] == "1" and stride > 1:
                stages.remove(stage)
                message = f"each of the {network.groups[stage].copies} copies of the row has a stride of {stride}"
                yield node, Doubt("stride-in-every-copy", message, "write `first.` before the name of the column",
                                  "stride")  # fmt: skip


def _reads_all(facts: Facts, known: dict[int, bool]) -> bool:
    """Whether no window steps over a value."""
    found = known.get(id(facts))
    if found is None:
        found = known[id(facts)] = not any(_missed([each]) for each in facts.windows or ())
    return found


def _window(node: Node, network: Network, axis: int) -> Window:
    """The window of a layer along an axis; one that does not move reads all that is there."""
    facts = network.facts[node.name]
    window = (facts.windows or ())[axis]
    moves = node.layer.kernel is not None and int(facts.output[axis + 1]) > 1
    return window if moves else window.replace(stride=1)


def _missed(windows: Sequence[Window]) -> int:
    """How many of as many neighbouring positions as the stride is, one for all of the windows, no tap of theirs meets.

    >>> _missed([Window(kernel=2, stride=3)]), _missed([Window(kernel=3, stride=2, dilation=2)])
    (1, 1)
    >>> _missed([Window(kernel=3, stride=2, dilation=2), Window(kernel=1, stride=2, padding=1)])
    0
    """
    stride = windows[0].stride
    if len(windows) == 1:
        (window,) = windows
        return stride - min(window.kernel, stride // gcd(stride, window.dilation))
    if stride > _LONGEST_STRIDE:
        return 0
    return stride - len({
        (tap * each.dilation - each.padding) % stride for each in windows for tap in range(min(each.kernel, stride))
    })  # fmt: skip
