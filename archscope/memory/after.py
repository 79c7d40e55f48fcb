"""`after_forward`: what is held once the forward pass is over, as numbers or, with extents left open, as formulas.

>>> from archscope.formulas import opened
>>> from archscope.reader import load
>>> network, _ = opened(load("lenet5-pytorch"), ["batch"])
>>> held = after_forward(network, optimizer="adam")
>>> print(held.weights, held.state, held.saved, held.values, held.total, sep="; ")
246824; 493688; 49,040·batch; 40·batch; 49,080·batch + 740,512
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archscope.errors import UsageError
from archscope.memory.autocast import checked
from archscope.memory.ledger import Adding
from archscope.memory.optimizers import optimizer as named
from archscope.memory.passes import type_of
from archscope.memory.running import Run
from archscope.network import Network
from archscope.proofs import prove, settled
from archscope.record import EMPTY, Record
from archscope.symbols import NotOpen
from archscope.working import Count, as_count, total

NOTHING: Final = Count(0)


class Held(Record):
    """Bytes by what they are for.

    Attributes:
        weights: of the network.
        casts: copies of weights that the backward pass needs, under autocast.
        state: of the optimizer.
        saved: for the backward pass.
        values: outputs, and inputs that nothing saved.
        not_covered: layers without a rule, and why; where there are any, ``saved`` is "at least".
    """

    weights: Count
    state: Count
    saved: Count
    values: Count
    not_covered: Mapping[str, str] = EMPTY
    casts: Count = NOTHING

    @property
    def total(self) -> Count:
        """Bytes of all kinds."""
        return total((self.weights, *((self.casts,) if self.casts else ()), self.state, self.saved, self.values))


def after_forward(
    network: Network, *, optimizer: str | None = None, dtype: str = "", autocast: str | None = None
) -> Held:
    """What is held after the forward pass of a step of training, for the network's own batch.

    ``autocast`` is the type that the pass runs in where PyTorch's autocast has it so:

    >>> from archscope.reader import load
    >>> held = after_forward(load("lenet5-pytorch"), autocast="bfloat16")
    >>> print(held.weights, held.casts, held.saved, held.values)
    246824 122940 30824 4116

    Raises:
        UsageError: there is no such optimizer or type; autocast has nothing to cast.
    """

    def of(network: Network) -> Held:
        return _held(network, optimizer, dtype, autocast)

    try:
        held = settled(network.ground, lambda: of(network))
        if network.ground is not None:
            prove(network.ground, network, lambda each: _numbers(held if each is network else of(each)))
    except NotOpen as error:
        raise UsageError(f"{network.name}: what is held has no formula: {error}") from None
    return held


def _numbers(held: Held) -> list[tuple[str, Count]]:
    return [("what is held", each) for each in (held.weights, held.casts, held.state, held.saved, held.values)]


def _held(network: Network, optimizer: str | None, dtype: str, autocast: str | None) -> Held:
    dtype = type_of(network, dtype)
    run = Run(network, network.batch, dtype, training=True, ledger=Adding(),
              autocast=checked(autocast, dtype))  # fmt: skip
    way = None if optimizer is None else named(optimizer)
    run.build()
    sizes = run.trained() if way is not None and way.copies else ()
    state = total(as_count(way.state(size)) for size in sizes) if way is not None and sizes else Count(0)
    run.surely_forward()
    kinds = {kind: as_count(size) for kind, size in run.ledger.by_kind.items()}
    return Held(kinds["weights"], state, kinds["saved"], kinds["values"], run.not_covered, kinds["casts"])
