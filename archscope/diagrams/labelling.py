"""Whether each label that somebody asks for now stands on the picture, also that of a layer that is drawn as another.

Of equal blocks one is drawn, and a label of a layer of another is put on its namesake. What is a part of another
shape, or in a closed block, has no place for a label, and is told so; a spec's own labels are for every style, and
those that a picture has no place for are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from archscope import escaping
from archscope.analysis import Analysis
from archscope.diagrams.scene import Group, Scene, Text
from archscope.diagrams.settings import named


def absent(scene: Scene, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Those of which not every word is on a picture: names break into lines, and ranges of names share words."""
    said = "".join("".join(item.string.split()) for item in scene.walk() if isinstance(item, Text))
    return tuple(
        name for name, label in labels.items() if not all(word in said for word in escaping.line(label).split())
    )


def drawn_as(name: str, scene: Scene, analysis: Analysis) -> str:
    """The layer whose shape stands for one, or for the first of a group; empty if none does."""
    inside = named(name, analysis)
    group: Group | None = next((each for each in scene.groups("layer") if inside & set(each.layers)), None)
    return "" if group is None else group.layers[0]


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
