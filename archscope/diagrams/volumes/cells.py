"""How much room each solid takes: its box or its sign, what is written over and under it, and where arrows dock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

from archscope.analysis import Row
from archscope.diagrams import fonts, words
from archscope.diagrams.chain import counted, is_grid
from archscope.diagrams.graph.labels import around
from archscope.diagrams.graph.units import label_of
from archscope.diagrams.perspective import Box
from archscope.diagrams.request import Request
from archscope.diagrams.scale import scale
from archscope.diagrams.transformer.roles import attends
from archscope.diagrams.volumes.form import Arrow, Form, Solid
from archscope.diagrams.volumes.series import Edge
from archscope.layers.base import spell_count, spell_shape

# Lengths in parts of the height of the tallest box.
CHANNELS: Final = 0.34
VECTOR: Final = 0.62
SLIM: Final = 0.05
DEPTH: Final = (0.2, -0.18)
"""The way into the depth, in parts of a width: less than where boxes stand alone, for many stand side by side."""

USUAL: Final = ("name", "op", "kernel", "shape")
SQUEEZE: Final = "squeeze-excite"
"""What is said of layers that weigh maps by what they see of each map's mean."""

LEAST_HEIGHT: Final = 3.2
"""Points that the smallest box is high at least."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The room of a solid around the middle of what is drawn: distances to each side, all positive.

    ``out`` is how far right of the middle arrows leave; they arrive at the left of ``half``.
    """

    box: Box | None
    over: tuple[str, ...]
    under: tuple[str, ...]
    half: float
    out: float
    tall: float
    side: float
    up: float
    down: float


class Cells:
    """What stays the same at every size: texts, and the scales of the boxes."""

    def __init__(
        self, form: Form, request: Request, *, levels: bool, named: bool = True, arcs: frozenset[Edge] = frozenset()
    ) -> None:
        self.form, self.request, self.levels, self.named = form, request, levels, named
        self.arcs = arcs
        self.size = request.font_size
        self.rows = {row.name: row for row in form.analysis.nodes}
        grids = [solid.shape for solid in form.solids if is_grid(solid.shape) and not solid.sign]
        vectors = [solid.shape for solid in form.solids if not is_grid(solid.shape) and not solid.sign]
        self.sides = scale(extent for shape in grids for extent in shape[1:])
        self.channels = scale(shape[0] for shape in grids)
        self.lengths = scale(shape[0] for shape in vectors)
        smallest = min((self.sides(extent) for shape in grids for extent in shape[1:]), default=1.0)
        self.least = max(3.2 * self.size, LEAST_HEIGHT / smallest)
        self.by_id = {solid.id: solid for solid in form.solids}
        self.entered: dict[str, list[Arrow]] = {}
        for arrow in form.arrows:
            self.entered.setdefault(arrow.target, []).append(arrow)
        self.asked = _asked(form)
        self.called = _called(form) | self.asked.keys()
        self.told_by_legend = _told_by_legend(form)
        self.texts = {solid.id: (self._over(solid), self._under(solid)) for solid in form.solids}
        self.wide = {
            solid.id: max(
                (fonts.width(text, self.size, bold=self.is_bold(solid, number)) for number, text in enumerate(over)),
                default=0.0,
            )
            for solid in form.solids
            for over in (self.texts[solid.id][0],)
        }
        self.wide_under = {key: fonts.widest(under, self.small) for key, (_, under) in self.texts.items()}
        for solid in form.solids:
            for name in solid.shares:
                self._as_wide(solid.id, name)

    def _as_wide(self, one: str, other: str) -> None:
        """Twins take the same room, so that branches which share their weights stand alike."""
        for wide in (self.wide, self.wide_under):
            if other in wide:
                wide[one] = wide[other] = max(wide[one], wide[other])

    @property
    def laws(self) -> list[str]:
        """The law of every scale, in words."""
        return [f"Heights and widths are drawn {self.sides.law}, channels {self.channels.law}"]

    @property
    def small(self) -> float:
        """The size of what stands under a box."""
        return 0.85 * self.size

    @property
    def radius(self) -> float:
        """Of a circle with a sign."""
        return 0.62 * self.size

    def is_bold(self, solid: Solid, line: int) -> bool:
        """Whether a line over a solid is its name, or how often it is there."""
        return line < len(self._named(solid))

    def names(self, solid: Solid) -> bool:
        """Whether a solid's name stands over it: inside a stage its place says enough."""
        if solid.sign or not (self._heading(solid) or solid.id in self.called):
            return False
        return self.request.shows("name", *USUAL) and (self.named or solid.id in self.called)

    def _heading(self, solid: Solid) -> str:
        """What is said of where it stands: a frame has its title, but a U has no frames."""
        return "" if solid.stages and not self.levels else solid.heading

    def cell(self, solid: Solid, height: float) -> Cell:
        """The room of a solid, where the tallest box is so high."""
        over, under = self.texts[solid.id]
        if solid.sign:
            half = tall = out = self.radius
            box = None
        else:
            box = self.box(solid, height)
            half = (box.width + box.depth[0]) / 2
            tall = (box.height - box.depth[1]) / 2
            out = half - box.depth[0] / 2
        loop = self.loop if solid.around else 0.0
        up = tall + loop + (0.3 * self.size + len(over) * fonts.LEADING * self.size if over else 0.0)
        down = tall + (0.3 * self.size + len(under) * fonts.LEADING * self.small if under else 0.0)
        side = max(half, self.wide[solid.id] / 2, self.wide_under[solid.id] / 2)
        return Cell(box, over, under, half, out, tall, side, up, down)

    @property
    def loop(self) -> float:
        """The height of the arc over a closed block that adds what it was given."""
        return 1.0 * self.size

    def box(self, solid: Solid, height: float) -> Box:
        """The box of a solid around the origin's middle line."""
        shape = solid.shape
        if not is_grid(shape):
            length = max(VECTOR * height * self.lengths(shape[0]), 3.0)
            slim = SLIM * height
            return Box(0, 0, slim, length, (slim * 0.4, -slim * 0.36))
        channels, high = shape[0], shape[1]
        wide = self.sides(shape[2]) * height if len(shape) == 3 else SLIM * height
        front = max(CHANNELS * height * self.channels(channels), 2.0)
        return Box(0, 0, front, self.sides(high) * height, (wide * DEPTH[0], wide * DEPTH[1]))

    def _over(self, solid: Solid) -> tuple[str, ...]:
        lines = self._named(solid)
        if self.request.shows("shape", *USUAL) and not solid.sign:
            lines.append(" + ".join(str(each) for each in solid.parts) if solid.copied else str(solid.shape[0]))
        return tuple(lines)

    def _named(self, solid: Solid) -> list[str]:
        """Its name, where it has one here, and how often it and the open blocks that it begins are there."""
        framed = bool(solid.stages) and not self.levels
        begun = [] if framed else [solid.headed, solid.times]
        own = 1 if solid.sign else solid.repeats
        if not self.names(solid):
            return _times(*begun, own)
        name = self._name(solid, "" if solid.id in self.called else self._heading(solid))
        headed = begun.pop(0) if begun and name == solid.heading else 1
        return [" ".join([name, *_times(headed, own)]), *_times(*begun)]

    def _name(self, solid: Solid, heading: str) -> str:
        """Its heading, or its own name in full; a block of one layer is called what the block is called."""
        alone = not solid.is_block and bool(solid.rows)
        name = self.asked.get(solid.id) or heading or (solid.id if alone else solid.name)
        if heading and alone and name == heading == solid.rows[0].name and self._is_all_of(solid.rows[0].node.group):
            return name.partition(".")[0]
        return name

    def _is_all_of(self, group: tuple[str, ...]) -> bool:
        """Whether one solid is all that there is of an outermost block."""
        return len(group) == 1 and sum(group == each.rows[0].node.group for each in self.form.solids if each.rows) == 1

    def _under(self, solid: Solid) -> tuple[str, ...]:
        lines: list[str] = []
        if solid.sign:
            held = self._costs(solid.parameters, solid.macs, solid.layers, self._copies(solid))
            return (*held, *self._entering(solid))
        if self.request.shows("shape", *USUAL) and is_grid(solid.shape):
            lines.append(size_of(solid.shape, square=self.levels))
        lines += self._ops(solid)
        lines += self._costs(solid.parameters, solid.macs, solid.layers, self._copies(solid))
        lines += self._entering(solid)
        if solid.shares:
            lines += _wrapped(f"shared with {', '.join(_twins(solid, self.form))}", self.small)
        return tuple(lines)

    def _costs(self, parameters: int, macs: int | None, layers: Sequence[str], copies: int = 1) -> tuple[str, ...]:
        counts = words.counts(parameters, macs, self.request.shown(*USUAL), copies=copies)
        return (*counts, *self.request.price(layers, copies))

    def _copies(self, *solids: Solid) -> int:
        """How many the numbers of what stands in the frames of all of some are of, where no legend says of all."""
        first, *others = solids
        shared = [name for name in first.stages if all(name in each.stages for each in others)]
        around = (self.form.stages[each].copies for each in shared) if self.request.color == "family" else ()
        return prod(around, start=1 if others else first.repeats)

    def _carried(self, arrow: Arrow) -> tuple[str, ...]:
        """What the layers on an arrow cost."""
        ends = self.by_id[arrow.source], self.by_id[arrow.target]
        return self._costs(*counted(self.rows[layer] for layer in arrow.layers), arrow.layers, self._copies(*ends))

    def told(self, arrow: Arrow) -> str:
        """What is written on an arc: what lies on it, with its numbers."""
        return " · ".join((arrow.told, *self._carried(arrow))) if arrow.told else ""

    def _entering(self, solid: Solid) -> list[str]:
        """The numbers of what lies on arrows that have no room for words: under what they lead to."""
        lines: list[str] = []
        for arrow in self.entered.get(solid.id, ()):
            carried = self._carried(arrow) if (arrow.source, arrow.target) not in self.arcs else ()
            if carried:
                costs = ", ".join(each.replace(" ", "\u00a0") for each in carried)
                lines += _wrapped(f"{arrow.told}: {costs}", self.small)
        return lines

    def _ops(self, solid: Solid) -> list[str]:
        if not solid.rows or not self.request.shows("op", *USUAL):
            return []
        if solid.is_block:
            said = _inside(solid, self.small) if self.request.shows("kernel", *USUAL) else []
            return said or ([solid.name] if self._is_dumb(solid) else [])
        if self.levels and self.told_by_legend.get(solid.id):
            return []
        return _wrapped(_window(solid.rows[0]), self.small)

    def _is_dumb(self, solid: Solid) -> bool:
        """Whether a closed block would say nothing but its shape, though it has a name that is no number."""
        tells = solid.parts or solid.grows[1] or self.names(solid)
        return self.named and not tells and self.request.shows("name", *USUAL) and not solid.name.isdigit()


def _times(*copies: int) -> list[str]:
    """``×3``, ``×3 ×2`` for what is there three times, and in each of them twice."""
    said = " ".join(f"×{each}" for each in copies if each > 1)
    return [said] if said else []


def size_of(shape: Sequence[int], *, square: bool) -> str:
    """The sides of maps: ``56×56``, or in short ``56²``."""
    grid = tuple(shape[1:])
    return f"{grid[0]}²" if square and len(grid) == 2 and grid[0] == grid[1] else spell_shape(grid)


def _twins(solid: Solid, form: Form) -> tuple[str, ...]:
    """Whose weights it uses: layers by their names, or a closed block that has all of them by its own."""
    twin = next((each for each in form.solids if each.is_block and set(solid.shares) <= set(each.layers)), None)
    return solid.shares if twin is None else (around(solid.shares) or twin.name,)


def _inside(solid: Solid, size: float) -> list[str]:
    """What a closed block does: its windows in order, or how many there are."""
    if solid.grows[1]:
        return [f"{spell_count(solid.grows[1], 'layer')},", f"+{solid.grows[0]} each"]
    said: list[str] = []
    pools: list[str] = []
    squeezed = False
    for row in solid.rows:
        squeezed = squeezed or _squeezes(row)
        if row.kernel and not _weighs(row, solid):
            said.append(_window(row))
            pools += said[-1:] if row.node.layer.family == "pooling" else []
        elif _weighs(row, solid) and not squeezed:
            said.append(row.node.layer.label)
        elif _weighs(row, solid) and SQUEEZE not in said:
            said.append(SQUEEZE)
    if len(said) > 4:
        said = [each for each in said if each not in pools]
    if solid.parts or len(said) > 4:
        return []
    if not said:
        return _without_a_window(solid)
    return _wrapped(", ".join(each.replace(" ", "\u00a0") for each in said), size)


def _without_a_window(solid: Solid) -> list[str]:
    """What a closed block does that slides no window: it attends, or is dense; nothing of another."""
    layers = [row.node.layer for row in solid.rows]
    if attends(layers):
        return ["attention"]
    dense = sum(row.node.layer.family == "dense" and bool(row.node.inputs) for row in solid.rows)
    return ["linear" if dense == 1 else f"{dense} linear"] if dense else []


def _weighs(row: Row, solid: Solid) -> bool:
    """Whether a layer with weights sees the mean of each map alone, and the block's maps are larger."""
    output = tuple(int(each) for each in row.output)
    held = any(facts.weights for facts in row.facts) and row.node.layer.family != "normalization"
    return held and len(solid.shape) == 3 and max(solid.shape[1:]) > 1 and all(each == 1 for each in output[1:])


def _squeezes(row: Row) -> bool:
    """Whether a layer makes one value of each map."""
    given, output = row.input_shapes[:1], [int(each) for each in row.output]
    larger = any(len(shape) == 3 and max(int(each) for each in shape[1:]) > 1 for shape in given)
    return larger and all(each == 1 for each in output[1:]) and output[0] == int(given[0][0])


def _window(row: Row) -> str:
    """``3×3 /2``, ``depthwise 5×5``: what a convolution does is seen by its colour."""
    return row.node.layer.label_here(row.facts[0]).removeprefix("conv ").replace("depthwise conv ", "depthwise ")


def _wrapped(text: str, size: float, widest: float = 6.2) -> list[str]:
    """Words on lines, none of them wider than so many letters' heights if it can be helped."""
    lines: list[str] = []
    for word in text.replace(" /", "\u00a0/").split(" "):
        if lines and fonts.width(f"{lines[-1]} {word}", size) <= widest * size:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [each.replace("\u00a0", " ") for each in lines]


def _asked(form: Form) -> dict[str, str]:
    """What somebody wants to have over a solid: a label of its layer, or that of the block whose name stands there."""
    network = form.analysis.network
    labels = tuple(map(str, network.figure.get("labels", {}).values()))
    found = {}
    for solid in form.solids:
        own = "" if solid.is_block or not solid.rows else label_of(solid.rows[0].node, network)
        if own or any(f"{solid.heading}.".startswith(f"{label}.") for label in labels):
            found[solid.id] = own or solid.heading
    return found


def _called(form: Form) -> frozenset[str]:
    """What needs its name in any figure: outputs, if there are several, and what shares weights, on both sides."""
    read = {arrow.source for arrow in form.arrows}
    ends = [solid.id for solid in form.solids if solid.id not in read]
    shared = {name for solid in form.solids if solid.shares for name in (solid.id, *solid.shares)}
    return frozenset((*(ends if len(ends) > 1 else ()), *shared))


def _told_by_legend(form: Form) -> Mapping[str, bool]:
    """For each solid whether all that an arrow of its kind leads to do the same, so that a legend says it."""
    labels: dict[str, set[str]] = {}
    ways: dict[str, set[str]] = {}
    solids = form.by_id
    for arrow in form.arrows:
        target = solids[arrow.target]
        if target.rows and not target.sign and arrow.way not in ("copy", "plain"):
            labels.setdefault(arrow.way, set()).add(target.rows[0].node.layer.label)
            ways.setdefault(target.id, set()).add(arrow.way)
    return {name: all(len(labels[way]) == 1 for way in its) for name, its in ways.items()}
