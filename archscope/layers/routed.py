"""What a mixture of experts runs once it is known how many positions chose each expert, one operation after the other.

The order is that of `archscope.building.modules.Experts`: the router's shares first, then expert after expert on the
rows that chose it, each adding to the sum. A name that the loop gives again is held until it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from archscope.layers.steps import INDEX, MASK, Made, Routing, Step, added, divided, multiplied, output_name
from archscope.working import bare, product

_KEPT: Final = {"relu": "opened"}
"""What a non-linearity needs for its backward pass: its output; all others need what they read."""


def routing(layer: Any, shape: Sequence[int]) -> Routing:
    """How positions of one sample are shared out among experts."""
    return Routing(layer.num_experts, layer.top_k, bare(product(shape[:-1])))


@lru_cache(maxsize=8)
def routed(layer: Any, shape: tuple[int, ...], rows: tuple[int, ...]) -> tuple[Step, ...]:
    """The operations of a mixture of experts of which each has some rows, those of all samples together.

    A network has the same layer many times over.
    """
    return tuple(_Steps(layer, shape).all(rows))


class _Steps:
    """Writes down the steps of one layer on inputs of one shape."""

    def __init__(self, layer: Any, shape: Sequence[int]) -> None:
        self.layer, self.shape = layer, tuple(map(bare, shape))
        self.positions, self.features = self.shape[:-1], self.shape[-1]

    def all(self, rows: Sequence[int]) -> Iterator[Step]:
        """Router, experts, shared experts."""
        yield from self._shares()
        yield Step(
            "zeros", (), (self._flat("sum 0", self.features).replace(typed="positions"),), reads_too=("positions",)
        )
        for expert, many in enumerate(rows):
            yield from self._expert(expert, many)
        held = ("share", "chosen", "positions")
        last = f"sum {len(rows)}"
        if self.layer.num_shared_experts:
            yield from self._shared()
            yield self._sum(last, "shared", "sum")
            last = "sum"
        yield Step("view", (last,), (Made(output_name(0), self.shape),), views=True, reads_too=held)

    def _flat(self, name: str, width: int, dtype: str = "") -> Made:
        """A tensor with a row for every position of every sample."""
        return Made(name, (*self.positions, width), dtype, folded=bool(self.positions))

    def _shares(self) -> Iterator[Step]:
        """How much of each expert a position takes, and which it takes."""
        layer, few = self.layer, self.layer.top_k
        yield Step("view", ("input",), (self._flat("positions", self.features),), views=True)
        reads = ("positions", "router.weight", *(("router.bias",) if layer.router_bias else ()))
        yield Step("linear", reads, (self._flat("scores", layer.num_experts),), ("positions",))
        yield Step("softmax", ("scores",), (self._flat("shares", layer.num_experts),), ("shares",))
        made = (self._flat("share as it came", few), self._flat("chosen", few, INDEX))
        behind = (self._flat("zeros", layer.num_experts),)
        yield Step("topk", ("shares",), made, ("chosen",), behind=behind)
        came = "share as it came"
        yield Step("sum", (came,), (self._flat("whole", 1),), passes=(came,))
        shape = (*self.positions, few)
        yield divided(came, "whole", shape, ("whole",)).replace(makes=(self._flat("share", few),))

    def _sum(self, first: str, second: str, made: str) -> Step:
        return added(first, second, self.shape).replace(makes=(self._flat(made, self.features),))

    def _expert(self, expert: int, rows: int) -> Iterator[Step]:
        """One expert on the rows that chose it; names that the loop gives again go when it has."""
        features, few = self.features, self.layer.top_k
        place, before = f"place {expert}", (f"place {expert - 1}",) if expert else ()
        asked, given, picked = f"asked {expert}", f"rows {expert}", f"share {expert}"
        made, weighted = f"made {expert}", f"weighted {expert}"
        yield Step("eq", (), (self._flat(asked, few, MASK),), reads_too=("chosen",))
        yield Step("nonzero", (), (Made(place, (rows, 2), INDEX, each=False),), reads_too=(asked, *before))
        yield self._picks("positions", given, (rows, features), place, self._flat("zeros", features))
        *steps, last = self._network(expert, rows, given, made)
        yield from steps
        yield last.replace(reads_too=(*last.reads_too, given, *((f"made {expert - 1}",) if expert else ())))
        yield self._picks("share", picked, (rows, 1), place, self._flat("zeros", few))
        whole = (Made(weighted, (rows, features), each=False),)
        yield multiplied(made, picked, (), (picked,)).replace(makes=whole)
        typed = f"typed {expert}"
        yield Step("to", (weighted,), (Made(typed, (), like=weighted, typed="positions"),))
        total = self._flat(f"sum {expert + 1}", features)
        yield Step("index_add", (f"sum {expert}", typed), (total,), (place, typed),
                   passes=(f"sum {expert}",), reads_too=(place, made))  # fmt: skip

    @staticmethod
    def _picks(name: str, made: str, shape: tuple[int, ...], place: str, zeros: Made) -> Step:
        """Some rows of a tensor; backward they are put into zeros, and those copied once more."""
        return Step("index", (name,), (Made(made, shape, each=False),), (place,), behind=(zeros,), reads_too=(place,))

    def _network(self, expert: int, rows: int, given: str, made: str) -> Iterator[Step]:
        """The dense layers of an expert, and what is between."""
        hidden, features = self.layer.hidden_features, self.features

        def named(what: str) -> str:
            return f"{what} {expert}"

        def wide(name: str) -> Made:
            return Made(named(name), (rows, hidden), each=False)

        function = self.layer.nonlinearity
        yield from self._dense("up_proj", expert, given, wide("up"))
        source = "up"
        if self.layer.gated:
            yield from self._dense("gate_proj", expert, given, wide("gate"))
            source = "gate"
        kept = _KEPT.get(function, source)
        yield Step(function, (named(source),), (wide("opened"),), (named(kept),))
        inner = "opened"
        if self.layer.gated:
            yield multiplied(named("opened"), named("up"), ()).replace(makes=(wide("hidden"),))
            inner = "hidden"
        *steps, last = self._dense("down_proj", expert, named(inner), Made(made, (rows, features), each=False))
        yield from steps
        yield last.replace(reads_too=(*last.reads_too, named(inner)))

    def _dense(self, weight: str, expert: int, name: str, made: Made) -> Iterator[Step]:
        """A product with one expert's part of a weight, and that expert's constants."""
        part = f"{weight} {expert}"
        yield Step("select", (weight,), (Made(part, (), each=False),), views=True, takes=0)
        if not self.layer.bias:
            yield Step("mm", (name, part), (made,), (name,))
            return
        product_ = made.replace(name=f"{made.name} without constants")
        yield Step("mm", (name, part), (product_,), (name,))
        shift = f"{weight}_bias {expert}"
        yield Step("select", (f"{weight}_bias",), (Made(shift, (), each=False),), views=True, takes=0)
        yield added(product_.name, shift, (), (shift,)).replace(makes=(made,))

    def _shared(self) -> Iterator[Step]:
        """The network of the shared experts, which runs on every position."""
        width = self.layer.num_shared_experts * self.layer.hidden_features
        function = self.layer.nonlinearity
        yield self._linear("up_proj", "positions", self._flat("up", width))
        source = "up"
        if self.layer.gated:
            yield self._linear("gate_proj", "positions", self._flat("gate", width))
            source = "gate"
        kept = _KEPT.get(function, source)
        yield Step(function, (source,), (self._flat("opened", width),), (kept,))
        inner = "opened"
        if self.layer.gated:
            yield multiplied("opened", "up", ()).replace(makes=(self._flat("hidden", width),))
            inner = "hidden"
        yield self._linear("down_proj", inner, self._flat("shared", self.features))

    def _linear(self, name: str, read: str, made: Made) -> Step:
        weight = f"shared_experts.{name}.weight"
        bias = (f"shared_experts.{name}.bias",) if self.layer.bias else ()
        return Step("linear", (read, weight, *bias), (made,), (read,))
