"""The layers of a network in the one form in which two networks are laid side by side.

What two people write differently and means the same is written once: layers that only rename the axes are not there,
the copies of a layer on towers are one layer in groups, an activation belongs to the layer that it follows, what no
input reaches is a learned value, and attention spelled out in projections and one product is attention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from archscope.analysis import Analysis
from archscope.layers.base import Shape
from archscope.memory import saved
from archscope.rows import Row
from archscope.working import Count, bare, count, total

QUANTITIES: Final[Mapping[str, str]] = {
    "parameters": "Parameters",
    "fixed": "Fixed values",
    "connections": "Connections",
    "macs": "MACs",
    "saved_bytes": "Saved bytes",
}
"""What a difference costs, by name, with its heading."""

_WIDTHS: Final = ("out_channels", "out_features")
_SIDES: Final = ("size", "scale_factor")
"""Options that are one number, or the same number for every axis."""

_PRODUCTS: Final = ("addmm", "matmul", "mm")
_APART: Final = "the copies of a layer on towers are compared one by one"
_COMMUTE: Final = ("add", "multiply")

Source = tuple[str, int]
"""What a layer reads: an element or an input of the network by name, and which of its outputs."""


class Element:
    """One layer as it is compared.

    Attributes:
        name: the layer's name in its network.
        type: its type.
        label: what it is in a few words.
        options: what a person sets on it, by name, towers folded into groups.
        activation: the activation that follows it, with its options; empty for none.
        reads: what it reads, in order.
        inputs: the shapes of that.
        outputs: the shapes that go out.
        rows: the lines of the analysis that it stands for.
        group: the blocks it stands in, outermost first.
        shares: the layers whose weights it uses.
        windows: what one output position sees, where a rule says it.
        misfit: what it has beyond the type that it is like; empty for a layer.
    """

    __slots__ = ("activation", "family", "group", "inputs", "label", "misfit", "name", "options", "outputs", "reads",
                 "rows", "saved", "shares", "type", "views", "windows")  # fmt: skip

    def __init__(self, row: Row) -> None:
        layer: Any = row.node.layer
        like = getattr(layer, "like", None)
        said = like if like is not None else layer
        self.name, self.rows, self.group = row.name, [row], row.group
        self.type = layer.called if layer.type == "function" and like is None else said.type
        self.family, self.views = said.family, said.shares_memory
        self.label = row.label
        self.misfit = layer.beyond if like is not None else ""
        self.shares = row.shares
        self.windows = row.facts[0].windows
        self.activation = next((spelled(node.layer) for node in row.nodes[1:] if node.folded), "")
        self.inputs = _joined(row)
        self.outputs = [tuple(map(bare, shape)) for shape in row.outputs]
        self.options = options_of(row, said)
        self.reads: list[Source] = []
        self.saved: int | None = 0
        if self.type in _PRODUCTS and layer.type == "function" and row.weights:
            self.options = {"out_features": self.output[-1], "bias": self.type == "addmm"}
            self.type = self.label = "linear"
            self.family = "dense"

    @property
    def output(self) -> Shape:
        """The shape of its first output."""
        return self.outputs[0] if self.outputs else ()

    def count_of(self, quantity: str) -> Count | None:
        """One of `QUANTITIES`; None where it is not covered."""
        if quantity == "saved_bytes":
            return None if self.saved is None else count(self.saved)
        counts = [row.count_of(quantity) for row in self.rows]
        return None if None in counts else total(each for each in counts if each is not None)

    def reason(self, quantity: str) -> str:
        """Why a number is not covered."""
        return next((why for row in self.rows if (why := row.reason(quantity))), "no rule covers it")

    @property
    def commutes(self) -> bool:
        """Whether the order of what it reads does not matter."""
        return self.type in _COMMUTE

    @property
    def signature(self) -> tuple[Any, ...]:
        """Equal for two that are alike wherever they stand."""
        stated = tuple(sorted((name, repr(value)) for name, value in self.options.items()))
        return (self.type, stated, self.activation, tuple(self.inputs), tuple(self.outputs), self.misfit,
                bool(self.shares))  # fmt: skip

    def absorb(self, others: Iterable[Element]) -> None:
        """Stand for other elements too."""
        for each in others:
            self.rows += each.rows
            self.saved = None if self.saved is None or each.saved is None else self.saved + each.saved


class Graph:
    """A network's elements by name, what its outputs are, and what no element stands for.

    Attributes:
        analysis: the numbers of the network.
        elements: in an order that does not depend on how the network was written down.
        inputs: the network's inputs, in order.
        outputs: what its outputs are taken from.
        unused: values of parameters that a module holds and nothing uses, trained and frozen.
        saved: bytes of values saved for the backward pass, of the inputs too; None where that is not covered.
        unsaid: why they are not covered.
    """

    def __init__(
        self, analysis: Analysis, elements: Mapping[str, Element], outputs: Sequence[Source], *, apart: bool = False
    ) -> None:
        self.analysis = analysis
        self.by_name = dict(elements)
        self.inputs = tuple(analysis.network.inputs)
        self.outputs = tuple(outputs)
        self.elements = ordered(self.by_name, self.outputs)
        seen = analysis.network.observed
        unused = () if seen is None else seen.unused
        self.unused = {
            "parameters": sum(int(each.values) for each in unused if each.trainable),
            "fixed": sum(int(each.values) for each in unused if not each.trainable),
        }
        by_row, unknown = saved(analysis.network)
        untold = next((f"`{row}` is not covered: {why}" for row, why in unknown.items()), "")
        self.unsaid = _APART if apart else untold
        self.saved: int | None = None if self.unsaid else sum(by_row.values())
        for element in self.elements:
            rows = {row.name for row in element.rows}
            element.saved = None if self.unsaid else sum(by_row.get(row, 0) for row in rows)

    def total(self, quantity: str) -> Count | None:
        """The number of the whole network."""
        if quantity == "saved_bytes":
            return None if self.saved is None else count(self.saved)
        return self.analysis.totals.count_of(quantity)

    def reason(self, quantity: str) -> str:
        """Why a total is not covered."""
        return self.unsaid if quantity == "saved_bytes" else self.analysis.totals.reasons.get(quantity, "not covered")


def options_of(row: Row, layer: Any) -> dict[str, Any]:
    """The options of a row's layer as a person would write them; copies on towers are one layer in groups."""
    options = {name: declared.kind.show(getattr(layer, name)) for name, declared in layer.options.items()}
    copies = [node for node in row.nodes if not node.folded]
    if len(copies) > 1 and len({node.tower for node in copies}) == len(copies):
        for width in _WIDTHS:
            if width in options:
                options[width] *= len(copies)
        if "groups" in options and len({ref.node for node in copies for ref in node.inputs}) > 1:
            options["groups"] *= len(copies)
    if isinstance(options.get("dim"), int) and row.input_shapes:
        options["dim"] %= max(1, len(row.input_shapes[0]))
    for name in _SIDES:
        sides = options.get(name)
        if isinstance(sides, (list, tuple)) and len(set(sides)) == 1:
            options[name] = sides[0]
    if "stride" in options and options["stride"] is None:
        options["stride"] = options.get("kernel_size")
    return options


def _joined(row: Row) -> list[Shape]:
    """The shapes that come in; those of copies on towers that read different halves as one."""
    copies = [node for node in row.nodes if not node.folded]
    shapes = [tuple(map(bare, shape)) for shape in row.input_shapes]
    if len(copies) < 2 or len({ref.node for node in copies for ref in node.inputs}) < len(copies):
        return shapes
    return [(shape[0] * len(copies), *shape[1:]) for shape in shapes]


def spelled(layer: Any) -> str:
    """An activation with the options that are not the usual ones: ``gelu, approximate tanh``."""
    stated = layer.stated()
    return ", ".join([layer.type, *(f"{name} {value}" for name, value in stated.items())])


def ordered(elements: Mapping[str, Element], outputs: Iterable[Source]) -> list[Element]:
    """Elements in the order in which the outputs need them: of what is joined in any order, the longest way first."""
    depth = _depths(elements)
    done: dict[str, None] = {}
    read = {name for each in elements.values() for name, _ in each.reads}
    ends = [name for name, _ in outputs] + [name for name in elements if name not in read]
    for end in ends:
        stack = [(end, False)]
        while stack:
            name, ready = stack.pop()
            if name in done or name not in elements:
                continue
            if ready:
                done[name] = None
                continue
            stack.append((name, True))
            element = elements[name]
            needed = [each for each, _ in element.reads]
            if element.commutes:
                needed.sort(key=lambda each: -depth.get(each, 0))
            stack.extend((each, False) for each in reversed(needed))
    return [elements[name] for name in done]


def _depths(elements: Mapping[str, Element]) -> dict[str, int]:
    """The length of the longest way from an input, by element; those come in an order in which they can run."""
    depth: dict[str, int] = {}
    for name, element in elements.items():
        depth[name] = 1 + max((depth.get(each, 0) for each, _ in element.reads), default=0)
    return depth
