"""A figure for the page, which stays as it is drawn: what its shapes and frames have to say, and its colours.

A shape that stands for several layers, and a frame around some, say their sums; what is in them opens in the graph.

>>> import archscope
>>> drawing = archscope.draw("lenet5")
>>> shape = still_of(drawing.scene, Facts(drawing.analysis))["items"][1]
>>> shape["is"], shape["rows"]
('C1: conv 5×5, output 6×28×28, 156 parameters; then C1.scaled_tanh', [[1, 'C1'], [2, 'C1.scaled_tanh']])
>>> shape["sums"][1]
['parameters', '156', '0.3 % of the whole']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archscope.diagrams.page.facts import Facts
from archscope.diagrams.scene import Group, Scene, Text, bounds
from archscope.diagrams.solids import kinds
from archscope.diagrams.themes import INPUT, Theme, mix


def still_of(scene: Scene, facts: Facts) -> dict[str, Any]:
    """What the page must know of a picture: its shapes in their order, then its frames, and its size."""
    groups = list(scene.groups("layer"))
    frames = [(frame, _inside(frame, groups)) for frame in scene.groups("frame")]
    families = {row.name: row.node.layer.family for row in facts.analysis.nodes}
    items = [_shape(group, facts) for group in groups]
    for at, (frame, inner) in enumerate(frames, start=len(groups)):
        names = [name for place in inner for name in groups[place].layers]
        around = [place for place, (_, other) in enumerate(frames, start=len(groups)) if set(inner) < set(other)]
        parent = {"parent": min(around, key=lambda place: len(frames[place - len(groups)][1]))} if around else {}
        items.append({"title": frame.title, "names": names, "sums": facts.sums(names), **parent})
        for place in inner:
            before = items[place].get("parent")
            if before is None or len(frames[before - len(groups)][1]) > len(inner):
                items[place]["parent"] = at
    return {
        "items": items,
        "family": [families.get(group.layers[0], INPUT) for group in groups],
        "whole": [0, 0, scene.width, scene.height],
        "smallest": smallest(scene),
        "layers": [group.layers for group in groups],
    }


def smallest(scene: Scene) -> float:
    """The size of the least letters that are read: an index is read with its letter, which is larger.

    >>> from archscope.diagrams.scene import Scene, Text
    >>> letter = Text(0, 10, "h", 8)
    >>> smallest(Scene(20, 20, "", "", (letter, Text(letter.width, 12, "t", 5), Text(12, 10, "s", 7))))
    7
    """
    texts = [item for item in scene.walk() if isinstance(item, Text)]
    letters = [
        text for at, text in enumerate(texts) if not any(_indexes(text, each) for each in texts[max(at - 2, 0) : at])
    ]
    return min((text.size for text in letters), default=8.0)


def _indexes(text: Text, letter: Text) -> bool:
    """Whether a text is an index of a letter: it begins where that ends, smaller, and lower or higher."""
    beside = abs(text.left - letter.left - letter.width) < 0.01
    return beside and text.size < letter.size and 0 < abs(text.y - letter.y) < letter.size / 2


def _shape(group: Group, facts: Facts) -> dict[str, Any]:
    rows = facts.rows(group.layers)
    sums = {"sums": facts.sums(group.layers)} if sum(len(row) - 1 for row in rows) > 1 else {}
    return {"is": group.title.split(" (")[0], "rows": rows, **sums}


def _inside(frame: Group, groups: Sequence[Group]) -> list[int]:
    """Which shapes stand within a frame."""
    left, top, right, bottom = bounds(frame.items[:1])

    def holds(box: tuple[float, float, float, float]) -> bool:
        return left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom

    return [place for place, group in enumerate(groups) if group.items and holds(bounds(group.items))]


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
