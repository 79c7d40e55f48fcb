"""What the colours of a page may say: the costs of its shapes, and how a theme shows them.

>>> import archscope
>>> drawing = archscope.draw("lenet5")
>>> [each.quantity for each in offered(drawing.analysis, drawing.request.theme, None)][:2]
['macs', 'parameters']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from archscope.analysis import Analysis
from archscope.diagrams.cost import COLORS, Coloring, coloring
from archscope.diagrams.settings import palette_of, readable
from archscope.diagrams.solids import kinds
from archscope.diagrams.themes import THEMES, Theme

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing


def offered(analysis: Analysis, theme: Theme, asked: Coloring | None) -> list[Coloring]:
    """All that the colours of a page may say; latency where somebody measured it and asked."""
    law = asked.law if asked else "linear"
    asks = (coloring(analysis, name, law, theme, None) for name in COLORS if name not in ("family", "latency"))
    found = [each for each in asks if each is not None]
    return [*found, asked] if asked is not None and asked.quantity == "latency" else found


def costs_of(coloring: Coloring, shapes: Iterable[Sequence[str]]) -> list[float | None]:
    """What each shape's layers cost; None where that is not covered, and -1 for what is no layer."""
    return [
        _short(coloring.cost(layers)) if any(name in coloring.layer_of for name in layers) else -1 for layers in shapes
    ]


def _short(cost: float | None) -> float | None:
    """A whole number as one, so that it is written without a point."""
    return int(cost) if cost is not None and cost == int(cost) else cost


def theme_beside(drawing: Drawing) -> Theme | None:
    """The theme of the other kind of page, with what was asked of this one; None where a theme has none beside it."""
    drawn = drawing.request.theme
    if drawn.name not in ("light", "dark"):
        return None
    other = THEMES["dark" if drawn.name == "light" else "light"]
    # A palette is chosen for one page; where it cannot be read on the other, families keep that theme's own colours.
    palette: dict[str, str] = drawing.analysis.network.figure.get("palette", {})
    own = {name: other.shade(name) for name in palette}
    there = palette_of(other, {name: color for name, color in palette.items() if readable(color.lower(), other)})
    return replace(there, families={**own, **there.families})


def painting(theme: Theme, solids: Sequence[str]) -> dict[str, object]:
    """What a page needs of a theme to colour a picture by any cost."""
    shades = {**theme.families, **{f"solid {name}": kinds(theme)[name] for name in solids}}
    return {
        "families": {name: [shade.fill, shade.stroke] for name, shade in shades.items()},
        "ramp": theme.ramp,
        "ink": theme.ink,
        "none": [theme.background, theme.muted],
        "light": theme.light,
        "shadow": theme.shadow,
    }
