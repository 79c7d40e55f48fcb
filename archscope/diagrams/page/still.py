"""A picture for the page that stays as it is drawn: what each of its shapes has to say, and its colours in both themes.

>>> import archscope
>>> drawing = archscope.draw("lenet5")
>>> still_of(drawing.scene, Facts(drawing.analysis))["items"][1]
{'is': 'C1: conv 5×5, output 6×28×28, 156 parameters; then C1.scaled_tanh', 'rows': [[1, 'C1'], [2, 'C1.scaled_tanh']]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archscope.diagrams.page.facts import Facts
from archscope.diagrams.scene import Group, Scene, Text
from archscope.diagrams.solids import kinds
from archscope.diagrams.themes import INPUT, Theme, mix


def still_of(scene: Scene, facts: Facts) -> dict[str, Any]:
    """What the page must know of a picture: its shapes in their order, and its size."""
    groups = list(scene.groups("layer"))
    families = {row.name: row.node.layer.family for row in facts.analysis.nodes}
    return {
        "items": [{"is": group.title.split(" (")[0], "rows": facts.rows(group.layers)} for group in groups],
        "family": [families.get(group.layers[0], INPUT) for group in groups],
        "whole": [0, 0, scene.width, scene.height],
        "layers": [group.layers for group in groups],
    }


def pairs_of(scene: Scene, drawn: Theme, other: Theme) -> dict[str, str]:
    """Every colour of a picture with the one that has its place in another theme."""
    inked = [item for item in scene.walk() if not isinstance(item, Group)]
    used = {item.fill for item in inked} | {item.stroke for item in inked if not isinstance(item, Text)}
    names = list(drawn.families)
    pairs = dict(reversed([*zip(_told(drawn, names), _told(other, names), strict=True)]))
    return {one: two for one, two in pairs.items() if one in used or one == drawn.text}


def _told(theme: Theme, families: Sequence[str]) -> list[str]:
    """Every colour that a picture in a theme can have, in an order that is the same for all themes."""
    told = [theme.text, theme.background, theme.muted, theme.line, theme.link, theme.crossing, theme.band, theme.frame,
            theme.ink, theme.patch]  # fmt: skip
    for shade in (*(theme.shade(name) for name in families), *kinds(theme).values()):
        told += [theme.lit(shade.fill), theme.shaded(shade.fill), shade.fill, shade.stroke]
        told += [mix(theme.shaded(shade.fill), link, 0.35) for link in (theme.link, theme.crossing)]
    told.append(mix(theme.background, theme.line, 0.55))
    return told
