"""Which cells a benchmark has, what they are called, and in which order they run.

>>> cells = plan(["lenet5"], batches=(1, 8), dtypes=("fp32",))
>>> [cell.id for cell in cells]
['lenet5/b1/fp32/nchw/eager/infer', 'lenet5/b8/fp32/nchw/eager/infer']
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Final

from archscope.bench.precision import PRECISIONS
from archscope.errors import UsageError, did_you_mean

LAYOUTS: Final = ("nchw", "nhwc")
ENGINES: Final = ("eager", "graph", "compile")
MODES: Final = ("infer", "train")

AXES: Final[Mapping[str, Sequence[str]]] = {
    "dtype": tuple(PRECISIONS),
    "layout": LAYOUTS,
    "engine": ENGINES,
    "mode": MODES,
}
"""What may be written for each axis but the batch."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to measure: a network with a batch, a number format, a layout, an engine and a mode."""

    model: str
    batch: int
    dtype: str
    layout: str
    engine: str
    mode: str

    @property
    def id(self) -> str:
        """Its name in a result file."""
        return f"{self.model}/b{self.batch}/{self.dtype}/{self.layout}/{self.engine}/{self.mode}"

    def document(self) -> dict[str, Any]:
        """The form in which a worker is told about it."""
        return asdict(self)


def plan(
    models: Sequence[str],
    *,
    batches: Sequence[int] = (1,),
    dtypes: Sequence[str] = ("fp32",),
    layouts: Sequence[str] = ("nchw",),
    engines: Sequence[str] = ("eager",),
    modes: Sequence[str] = ("infer",),
) -> tuple[Cell, ...]:
    """Every combination, each once, in the order in which they are reported."""
    combined = product(models, dtypes, layouts, engines, modes, batches)
    return tuple(
        dict.fromkeys(Cell(model, batch, dtype, layout, engine, mode)
                      for model, dtype, layout, engine, mode, batch in combined)
    )  # fmt: skip


def shuffled(cells: Sequence[Cell], *, seed: int, round: int) -> tuple[Cell, ...]:
    """The order of one round: random, so that nothing that drifts is mistaken for one of the axes."""
    order = list(cells)
    random.Random(f"{seed}/{round}").shuffle(order)  # noqa: S311 - an order of work, no secret
    return tuple(order)


def parse_axis(axis: str, text: str) -> tuple[str, ...]:
    """Values of an axis as written on the command line, ``fp32,bf16``.

    Raises:
        UsageError: one of them is not known.

    >>> parse_axis("dtype", "fp32, bf16")
    ('fp32', 'bf16')
    """
    values = [each.strip() for each in text.split(",") if each.strip()]
    if not values:
        raise UsageError(f"--{axis} is empty; write {', '.join(AXES[axis])}")
    for value in values:
        if value not in AXES[axis]:
            raise UsageError(f"--{axis} {value}: {did_you_mean(value, AXES[axis], what=f'{axis}s')}")
    return tuple(dict.fromkeys(values))


def parse_batches(text: str) -> tuple[int, ...]:
    """Batch sizes as written on the command line, ``1,32,256``.

    Raises:
        UsageError: one of them is no positive whole number.

    >>> parse_batches("1,32")
    (1, 32)
    """
    batches = []
    for each in text.split(","):
        number = each.strip()
        if not number.isdecimal() or int(number) < 1:
            raise UsageError(f"--batch {text}: `{number}` is no batch size; write whole numbers such as 1,32,256")
        batches.append(int(number))
    return tuple(dict.fromkeys(batches))
