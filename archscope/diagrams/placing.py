"""Whether what somebody says of a layer has a place on a picture, also where the layer is drawn as another.

Of equal blocks one is drawn, and what is said of a layer of another is said at its namesake. What is a part of another
shape, or in a closed block, has no place for a label and cannot stand out by itself; who asks for it now is told so.
A spec's ``figure:`` is for every style, and what a picture has no place for is left out of it with a note.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from archscope import escaping
from archscope.analysis import Analysis
from archscope.diagrams.graph.units import is_glue
from archscope.diagrams.scene import Group, Scene, Text, walk
from archscope.diagrams.settings import named
from archscope.errors import UsageError

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

WORDS: Final = {"labels": "label", "highlight": "highlight"}
"""What is said of layers and needs a place, and the word for it."""


def absent(scene: Scene, analysis: Analysis, key: str, said: Iterable[str]) -> tuple[str, ...]:
    """Those labels, or what shall stand out, that have no place on a picture; by the names of their layers."""
    if key == "highlight":
        groups = [group for group in scene.groups("layer") if is_drawn(group)]
        return tuple(name for name in said if not _all_stand(groups, named(name, analysis), analysis))
    labels = analysis.network.figure.get("labels", {})
    return _not_said(scene, {name: str(labels[name]) for name in said})


def _not_said(scene: Scene, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Those of which not every word is on a picture: names break into lines, and ranges of names share words."""
    said = "".join("".join(item.string.split()) for item in scene.walk() if isinstance(item, Text))
    return tuple(
        name for name, label in labels.items() if not all(word in said for word in escaping.line(label).split())
    )


def _all_stand(groups: Iterable[Group], nodes: frozenset[str], analysis: Analysis) -> bool:
    """Whether there are shapes of some nodes, and each of them is one of these nodes and no more."""
    touched = [group for group in groups if nodes & set(group.layers)]
    return bool(touched) and all(stands_for(group, nodes, analysis) for group in touched)


def is_drawn(group: Group) -> bool:
    """Whether there is a shape, and not only words on an arrow."""
    return any(not isinstance(item, Text | Group) and item.stroke is not None for item in walk(group.items))


def stands_for(group: Group, nodes: frozenset[str], analysis: Analysis) -> bool:
    """Whether a shape is that of some nodes or of the same ones of another copy, and of no other layer.

    What was absorbed into a layer is a part of it: a shape of a convolution with its norm is the convolution's.

    >>> import archscope
    >>> drawing = archscope.draw("googlenet")
    >>> block = shape_of("inception3a", drawing.scene, drawing.analysis)
    >>> sets = (named(name, drawing.analysis) for name in ("inception3a", "inception3a.one"))
    >>> [stands_for(block, nodes, drawing.analysis) for nodes in sets]
    [True, False]
    """
    own = _makers(group.own or group.layers, analysis)
    if nodes.issuperset(own):
        return True
    found = _makers([name for name in group.layers if name in nodes], analysis)
    if len(own) == 1:
        return bool(set(found) & set(_makers(group.layers, analysis)))
    block = len(_around(own))
    inside = {tuple(name.split(".")[block:]) for name in found}
    return len(found) >= len(own) and inside.issuperset(tuple(name.split(".")[block:]) for name in own)


def _around(layers: Sequence[str]) -> tuple[str, ...]:
    """The block that layers have in common.

    >>> _around(["h.0.mlp.up", "h.0.mlp.down"])
    ('h', '0', 'mlp')
    """
    steps = zip(*(name.split(".") for name in layers), strict=False)
    return tuple(each[0] for each in takewhile(lambda each: len(set(each)) == 1, steps))


def _makers(layers: Sequence[str], analysis: Analysis) -> list[str]:
    """The layers that a shape is drawn for: those with weights that are no norm's, else those that are not absorbed."""
    known = analysis.network.by_name
    kept = [
        name for name in layers
        if name in known and not known[name].layer.absorbed and not is_glue(known[name].layer)
        and known[name].layer.family != "normalization"
    ]  # fmt: skip
    return [name for name in kept if analysis[name].weights or analysis[name].shares] or kept or list(layers)


def drawn_as(name: str, scene: Scene, analysis: Analysis) -> str:
    """The layer whose shape stands for one, or for the first of a group; empty if none does."""
    group = shape_of(name, scene, analysis)
    return "" if group is None else group.layers[0]


def part_of(name: str, scene: Scene, analysis: Analysis) -> str:
    """What to call the shape that a layer is a part of: its layer, or the block that is closed; empty if none is."""
    group = shape_of(name, scene, analysis)
    if group is None:
        return ""
    own = group.own or group.layers
    block = ".".join(_around(own))
    closed = len(_makers(own, analysis)) > 1 and block and named(block, analysis) <= set(group.layers)
    return block if closed else group.layers[0]


def shape_of(name: str, scene: Scene, analysis: Analysis) -> Group | None:
    """The first shape of a layer or a group; what is no more than words on an arrow only if there is none."""
    inside = named(name, analysis)
    found = [each for each in scene.groups("layer") if inside & set(each.layers)]
    return next((each for each in found if is_drawn(each)), found[0] if found else None)


def is_alone(group: Group | None, name: str, scene: Scene, analysis: Analysis) -> bool:
    """Whether a shape is that of a layer or a closed group, of no other copy of it, and the only one."""
    inside = named(name, analysis)
    shapes = [each for each in scene.groups("layer") if inside & set(each.layers)]
    return group is not None and shapes == [group] and inside.issuperset(_makers(group.layers, analysis))


def is_namesake(name: str, other: str, analysis: Analysis) -> bool:
    """Whether two layers are the same one of different copies.

    >>> import archscope
    >>> analysis = archscope.analyze("gpt2@small")
    >>> [is_namesake("h.5.ln_2", name, analysis) for name in ("h.0.ln_2", "h.0.ln_1", "h.0.attn")]
    [True, False, False]
    """
    nodes = analysis.network.by_name
    if name == other or name not in nodes or other not in nodes or nodes[name].layer.type != nodes[other].layer.type:
        return False
    (*mine, last), (*its, end) = name.split("."), other.split(".")
    if mine == its:
        return last.isdigit() and end.isdigit()
    return last == end and [_stem(step) for step in mine] == [_stem(step) for step in its]


def _stem(step: str) -> str:
    """A step of a name without its number.

    >>> _stem("conv4"), _stem("4")
    ('conv', '')
    """
    return step.rstrip("0123456789")


def with_namesakes(asked: Iterable[str], drawn: Scene, analysis: Analysis) -> dict[str, str]:
    """The labels of a network, those that have no place given to the namesakes that are drawn."""
    labels = analysis.network.figure["labels"]
    moved = {}
    for name in absent(drawn, analysis, "labels", asked):
        to = drawn_as(name, drawn, analysis)
        if is_namesake(name, to, analysis):
            moved[to] = str(labels[name])
    return {**moved, **labels}


def mistake(drawing: Drawing, key: str, name: str) -> str:
    """That what is said of a layer has no place, why, and what to ask for instead, which was tried."""
    analysis, word = drawing.analysis, WORDS[key]
    plain = drawing.redrawn()
    drawn, labels = plain.scene, analysis.network.figure.get("labels", {})
    stands = drawn_as(name, drawn, analysis)
    told = f"the {word} of `{name}` has no place in style {drawing.style}"
    if key == "labels" and stands in labels and stands != name:
        return f"{told}: one shape stands for it and for `{stands}`, which has a label; keep one of them"
    whole = part_of(name, drawn, analysis)
    why = f": it is a part of what stands as `{whole}`" if whole not in ("", name) else ""
    ways: list[tuple[str, dict[str, Any]]] = [("--depth full", {"depth": "full"})]
    if drawing.style != "graph":
        ways += [("--style graph", {"style": "graph"}), ("--style graph --depth full",
                                                         {"style": "graph", "depth": "full"})]  # fmt: skip
    for way, asked in ways:
        with contextlib.suppress(UsageError):
            other = plain.redrawn(**asked)
            if not absent(other.scene, analysis, key, [name]):
                return f"{told}{why}; use {way}"
    if why:
        there = plain.redrawn(labels={**labels, whole: labels[name]}) if key == "labels" else plain
        if not absent(there.scene, there.analysis, key, [whole]):
            return f"{told}{why}; {word} that"
    return f"{told}{why}"
