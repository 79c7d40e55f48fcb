"""What a mixture of experts runs once it is known how many positions chose each expert, one operation after the other.

The order is that of `archscope.building.modules.Experts`: the router's shares first, then expert after expert on the
rows that chose it, each adding to the sum. A name that the loop gives again is held until it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, Final

from archscope.layers.steps import INDEX, MASK, Made, Routing, Step, added, divided, multiplied, output_name
from archscope.working import bare, product

_KEPT: Final = {"relu": "opened"}
"""What a non-linearity needs for its backward pass: its output; all others need what they read."""

Dense = Callable[[str, str, Made], Iterator[Step]]
"""The steps of a dense layer, by its weight, what it reads and what it makes."""


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

        def wide(what: str) -> Made:
            return Made(f"{what} {expert}", (rows, self.layer.hidden_features), each=False)

        out = Made(made, (rows, features), each=False)
        *steps, last = self._network(partial(self._dense, expert), wide, given, out)
        yield from steps
        inner = wide(self._inner).name
        yield last.replace(reads_too=(*last.reads_too, inner, given, *((f"made {expert - 1}",) if expert else ())))
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

    @property
    def _inner(self) -> str:
        """What the last dense layer of an expert reads."""
        return "hidden" if self.layer.gated else "opened"

    def _network(self, dense: Dense, wide: Callable[[str], Made], given: str, out: Made) -> Iterator[Step]:
        """The dense layers of an expert, and what is between; ``wide`` names what is made there."""
        function, source = self.layer.nonlinearity, "gate" if self.layer.gated else "up"
        yield from dense("up_proj", given, wide("up"))
        if self.layer.gated:
            yield from dense("gate_proj", given, wide("gate"))
        kept = _KEPT.get(function, source)
        yield Step(function, (wide(source).name,), (wide("opened"),), (wide(kept).name,))
        if self.layer.gated:
            yield multiplied(wide("opened").name, wide("up").name, ()).replace(makes=(wide("hidden"),))
        yield from dense("down_proj", wide(self._inner).name, out)

    def _dense(self, expert: int, weight: str, name: str, made: Made) -> Iterator[Step]:
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
        yield from self._network(self._linear, lambda what: self._flat(what, width), "positions",
                                 self._flat("shared", self.features))  # fmt: skip

    def _linear(self, weight: str, name: str, made: Made) -> Iterator[Step]:
        """A dense layer of the shared experts."""
        weight = f"shared_experts.{weight}"
        bias = (f"{weight}.bias",) if self.layer.bias else ()
        yield Step("linear", (name, f"{weight}.weight", *bias), (made,), (name,))
