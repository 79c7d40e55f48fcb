"""The inside of a recurrent cell as textbooks draw it: its gates, and what they do to the states.

Which cell it is, is read off its weights: an LSTM maps the input and the last state four times, a plain cell once.
Lengths here are in parts of the font, with the origin at the top left of the cell's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archscope.diagrams import fonts
from archscope.diagrams.recurrence import Level
from archscope.diagrams.scene import Group, Item, Point, Text, circle, moved
from archscope.diagrams.themes import Theme
from archscope.diagrams.transformer.shapes import arrow, rounded, sign

_ASIDE: Final = 4.2
"""Where the frame begins: left of it stand the states that come in."""

_RADIUS: Final = 0.75
_GATE: Final = (3.4, 1.9)
_ROW: Final = 8.0
"""Where the middles of an LSTM's gates are."""


def gates_of(level: Level) -> int:
    """How many maps of the input and the last state a cell has: 1 of a plain one, 3 of a GRU, 4 of an LSTM."""
    row = level.unit.rows[0]
    hidden = int(row.outputs[-1][-1])
    return int(row.weights[0][1].shape[0]) // hidden


def kind_of(level: Level) -> tuple[int, str]:
    """What tells one inside from another: the maps, and what its options make of them."""
    options = level.unit.rows[0].node.layer.stated()
    return gates_of(level), f"{options.get('nonlinearity')} {bool(options.get('proj_size'))}"


def cell(level: Level, size: float, theme: Theme) -> list[Item]:
    """The inside of a recurrent layer's cell, from 0 down and to the right."""
    layer = level.unit.rows[0].node.layer
    options = layer.stated()
    word = {"relu": "ReLU"}.get(str(options.get("nonlinearity")), "tanh")
    made = _Cell(size, theme, layer.family, word, projects=bool(options.get("proj_size")))  # fmt: skip
    {1: _plain, 3: _gru, 4: _lstm}[gates_of(level)](made)
    heading = Text(0.0, 0.9 * size, f"{level.unit.label}: inside the cell", size, bold=True, fill=theme.text)
    return [Group("part", (heading, *(moved(item, _ASIDE * size, 2.6 * size) for item in made.items)),
                  title=f"the inside of {level.unit.label}")]  # fmt: skip


class _Cell:
    def __init__(self, size: float, theme: Theme, family: str, word: str, *, projects: bool) -> None:
        self.size, self.theme, self.word, self.projects = size, theme, word, projects
        self.shade = theme.shade(family)
        self.items: list[Item] = []

    def frame(self, wide: float, tall: float) -> None:
        u = self.size
        self.items.append(rounded(0.0, 0.0, wide * u, tall * u, 1.2 * u, fill=self.shade.fill,
                                  stroke=self.shade.stroke))  # fmt: skip

    def way(self, *points: Point, head: bool = True) -> None:
        u = self.size
        self.items += arrow([(x * u, y * u) for x, y in points], u, self.theme, radius=0.4 * u, head=head)

    def does(self, symbol: str, x: float, y: float) -> None:
        """What is done value by value."""
        u = self.size
        shade = self.theme.shade("merge")
        self.items.append(circle(x * u, y * u, _RADIUS * u, fill=shade.fill, stroke=shade.stroke))
        self.items += sign(symbol, x * u, y * u, _RADIUS * u, u, shade.stroke)

    def maps(self, word: str, x: float, y: float, family: str = "activation") -> None:
        """A map with weights, or a function."""
        u = self.size
        shade = self.theme.shade(family)
        self.items.append(rounded((x - _GATE[0] / 2) * u, (y - _GATE[1] / 2) * u, _GATE[0] * u, _GATE[1] * u, 0.3 * u,
                                  fill=shade.fill, stroke=shade.stroke))  # fmt: skip
        self.items.append(Text(x * u, (y + fonts.CAP_HEIGHT / 2) * u, word, 0.9 * u, anchor="middle",
                               fill=self.theme.text))  # fmt: skip

    def letter(self, letter: str, below: str, x: float, y: float) -> None:
        """A letter with its step, its middle at x."""
        u = self.size
        small, tiny = 0.95 * u, 0.68 * u
        left = x * u - (fonts.width(letter, small) + fonts.width(below, tiny)) / 2
        self.items.append(Text(left, y * u, letter, small, fill=self.theme.text))
        self.items.append(Text(left + fonts.width(letter, small), (y + 0.22) * u, below, tiny, fill=self.theme.text))

    def ends(self, wide: float, tall: float, states: Sequence[tuple[str, float]], joins: float | None = None) -> None:
        """The states that come in and go out, and the input, which joins the last of them from below, or a line."""
        for state, y in states:
            self.letter(state, "t−1", -2.6, y + 0.3)
            self.letter(state, "t", wide + 2.6, y + 0.3)
        self.letter("x", "t", 2.2, tall + 2.4)
        self.way((2.2, tall + 1.4), (2.2, states[-1][1] if joins is None else joins), head=False)

    def gate(self, word: str, letter: str, x: float, *, high: float, low: float = 10.0, row: float = _ROW) -> None:
        """A map of what comes from ``low``, such as the input and the last state, and its way up."""
        self.way((x, low), (x, row + _GATE[1] / 2))
        self.maps(word, x, row)
        self.letter(letter, "t", x - 0.9, row - 1.4)
        if high:
            self.way((x, row - _GATE[1] / 2), (x, high))


def _lstm(made: _Cell) -> None:
    """Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, as PyTorch runs it."""
    wide = 24.6
    made.frame(wide, 12.0)
    made.ends(wide, 12.0, (("c", 2.0), ("h", 10.0)))
    made.way((-1.4, 10.0), (18.0, 10.0), head=False)
    made.way((-1.4, 2.0), (4.6 - _RADIUS, 2.0))
    made.way((4.6 + _RADIUS, 2.0), (13.2 - _RADIUS, 2.0))
    made.way((13.2 + _RADIUS, 2.0), (wide + 1.4, 2.0))
    made.gate("σ", "f", 4.6, high=2.0 + _RADIUS)
    made.gate("σ", "i", 9.0, high=0.0)
    made.way((9.0, 8.0 - _GATE[1] / 2), (9.0, 4.6), (13.2 - _RADIUS, 4.6))
    made.gate("tanh", "g", 13.2, high=4.6 + _RADIUS)
    made.way((13.2, 4.6 - _RADIUS), (13.2, 2.0 + _RADIUS))
    made.gate("σ", "o", 18.0, high=0.0)
    made.way((18.0, 8.0 - _GATE[1] / 2), (18.0, 5.9), (22.0 - _RADIUS, 5.9))
    made.way((22.0, 2.0), (22.0, 3.5 - _GATE[1] / 2), head=False)
    made.maps("tanh", 22.0, 3.5, "shape")
    made.way((22.0, 3.5 + _GATE[1] / 2), (22.0, 5.9 - _RADIUS))
    if made.projects:
        made.way((22.0, 5.9 + _RADIUS), (22.0, _ROW - _GATE[1] / 2))
        made.maps("linear", 22.0, _ROW, "dense")
        made.way((22.0, _ROW + _GATE[1] / 2), (22.0, 10.0), (wide + 1.4, 10.0))
    else:
        made.way((22.0, 5.9 + _RADIUS), (22.0, 10.0), (wide + 1.4, 10.0))
    for symbol, x, y in (("×", 4.6, 2.0), ("+", 13.2, 2.0), ("×", 13.2, 4.6), ("×", 22.0, 5.9)):
        made.does(symbol, x, y)


def _gru(made: _Cell) -> None:
    """Cho et al. 2014 as PyTorch runs it: what is reset is the map of the last state, not the state."""
    state, new, reset, row, bus, aside = 2.0, 4.2, 5.9, 9.3, 11.3, 12.7
    r, z, n, last, wide = 8.6, 12.8, 17.6, 21.6, 24.4
    made.frame(wide, 13.9)
    made.ends(wide, 13.9, (("h", state),), joins=bus)
    made.way((-1.4, state), (z - _RADIUS, state))
    made.way((z + _RADIUS, state), (last - _RADIUS, state))
    made.way((last + _RADIUS, state), (wide + 1.4, state))
    made.way((0.9, state), (0.9, bus), (z, bus), head=False)
    made.way((0.9, reset), (4.6 - _GATE[0] / 2, reset))
    made.maps("linear", 4.6, reset, "dense")
    made.way((4.6 + _GATE[0] / 2, reset), (r - _RADIUS, reset))
    made.gate("σ", "r", r, high=reset + _RADIUS, low=bus, row=row)
    made.gate("σ", "z", z, high=state + _RADIUS, low=bus, row=row)
    made.way((r + _RADIUS, reset), (z + 2.2, reset), (z + 2.2, row), (n - _GATE[0] / 2, row))
    made.way((2.2, aside), (n, aside), head=False)
    made.gate("tanh", "n", n, high=new + _RADIUS, low=aside, row=row)
    made.way((z, new), (15.2 - _RADIUS, new))
    made.way((15.2 + _RADIUS, new), (n - _RADIUS, new))
    made.way((n + _RADIUS, new), (last, new), (last, state + _RADIUS))
    for symbol, x, y in (("×", z, state), ("+", last, state), ("×", r, reset), ("1−", 15.2, new), ("×", n, new)):
        made.does(symbol, x, y)


def _plain(made: _Cell) -> None:
    """Elman 1990: one map of the input and the last state."""
    wide = 11.0
    made.frame(wide, 5.4)
    made.ends(wide, 5.4, (("h", 2.7),))
    made.way((-1.4, 2.7), (6.2 - _GATE[0] / 2, 2.7))
    made.maps(made.word, 6.2, 2.7)
    made.way((6.2 + _GATE[0] / 2, 2.7), (wide + 1.4, 2.7))
