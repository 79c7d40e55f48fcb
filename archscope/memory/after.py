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

from archscope.errors import UsageError, did_you_mean
from archscope.memory.ledger import Ledger
from archscope.memory.optimizers import optimizer as named
from archscope.memory.running import Run
from archscope.network import Network
from archscope.precision import DTYPE_BYTES
from archscope.record import EMPTY, Record
from archscope.symbols import NotOpen
from archscope.working import Count, as_count, total


class Held(Record):
    """Bytes by what they are for.

    Attributes:
        weights: of the network.
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

    @property
    def total(self) -> Count:
        """Bytes of all kinds."""
        return total((self.weights, self.state, self.saved, self.values))


class _Adding(Ledger):
    """A ledger that compares nothing: which moment is the fullest is no formula."""

    def _note(self) -> None:
        pass


def after_forward(network: Network, *, optimizer: str | None = None, dtype: str = "float32") -> Held:
    """What is held after the forward pass of a step of training, for the network's own batch.

    Raises:
        UsageError: there is no such optimizer or type.
    """
    if dtype not in DTYPE_BYTES:
        raise UsageError(f"no type `{dtype}`; {did_you_mean(dtype, DTYPE_BYTES, what='types')}")
    run = Run(network, network.batch, dtype, training=True, ledger=_Adding())
    way = None if optimizer is None else named(optimizer)
    try:
        run.build()
        sizes = run.trained() if way is not None and way.copies else ()
        state = total(as_count(way.state(size)) for size in sizes) if way is not None and sizes else Count(0)
        run.forward()
    except NotOpen as error:
        raise UsageError(f"{network.name}: what is held has no formula: {error}") from None
    kinds = {kind: as_count(size) for kind, size in run.ledger.by_kind.items()}
    return Held(kinds["weights"], state, kinds["saved"], kinds["values"], run.not_covered)
