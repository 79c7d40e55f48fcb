"""What a loss of an output runs, and the targets that it is held against.

>>> target_of("cross_entropy", (10,), "F6").shape, target_of("cross_entropy", (21, 8, 8), "out").shape
((), (8, 8))
>>> [step.op for step in steps_of("nll_loss", (10,))]
['nll_loss']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from archscope.errors import UsageError
from archscope.layers.base import Shape
from archscope.layers.steps import INDEX, Made, Step
from archscope.losses import SEQUENCE

OUTPUT: Final = "output"
"""What the steps of a loss call the output that it is of."""

TARGET: Final = "target"
"""What the steps of a loss call the targets."""

LOSS: Final = "loss"
"""What the steps of a loss call the number that they make."""

ROW: Final = "the loss"
"""What holds its targets and what it keeps, beside the rows of a network."""

_OF_CLASSES: Final = ("cross_entropy", "nll_loss")
"""Losses of the scores of classes, whose targets are numbers of classes."""

_NUMBER: Final = Made(LOSS, (), each=False)


def target_of(loss: str, shape: Shape, output: str) -> Made | None:
    """The targets of a loss for an output of some shape; None where it takes none.

    Raises:
        UsageError: the output has no axis of classes.
    """
    if loss == "mse_loss":
        return Made(TARGET, shape)
    if loss not in _OF_CLASSES:
        return None
    if not shape:
        raise UsageError(f"`{loss}` is of the scores of classes, and `{output}` is one number a sample; "
                         "name another loss, such as `mse_loss`")  # fmt: skip
    # A class for each position: of a sequence the last axis has the scores, of maps the channels are.
    return Made(TARGET, shape[:-1] if len(shape) == SEQUENCE else shape[1:], INDEX)


def steps_of(loss: str, shape: Shape) -> tuple[Step, ...]:
    """What a loss runs for an output of some shape, the last step making it; nothing where there is none."""
    return _STEPS[loss](shape) if loss in _STEPS else ()


def _sum(_: Shape) -> tuple[Step, ...]:
    return (Step("sum", (OUTPUT,), (_NUMBER,), passes=(OUTPUT,)),)


def _mean(_: Shape) -> tuple[Step, ...]:
    return (Step("mean", (OUTPUT,), (_NUMBER,)),)


def _squared(_: Shape) -> tuple[Step, ...]:
    return (Step("mse_loss", (OUTPUT, TARGET), (_NUMBER,), (OUTPUT, TARGET)),)


def _in_rows(shape: Shape) -> tuple[str, str, tuple[Step, ...]]:
    """What scores and targets are called once the positions of all sequences are one axis, and how that is seen."""
    if len(shape) != SEQUENCE:
        return OUTPUT, TARGET, ()
    rows, targets = Made("rows", shape, folded=True), Made("every target", shape[:1], INDEX, folded=True)
    seen = (Step("view", (OUTPUT,), (rows,), views=True), Step("view", (TARGET,), (targets,), views=True))
    return rows.name, targets.name, seen


def _of_logarithms(read: str, target: str) -> Step:
    weight = Made("total weight", (), each=False)
    return Step("nll_loss", (read,), (_NUMBER, weight), (read, target, weight.name), reads_too=(target,))


def _nll_loss(shape: Shape) -> tuple[Step, ...]:
    read, target, seen = _in_rows(shape)
    return (*seen, _of_logarithms(read, target))


def _cross_entropy(shape: Shape) -> tuple[Step, ...]:
    read, target, seen = _in_rows(shape)
    logarithms = Made("logarithms", shape, folded=len(shape) == SEQUENCE)
    # What was given is held, in float32 under autocast, until all of it is done.
    parts = (Step("log_softmax", (read,), (logarithms,), (logarithms.name,)),
             _of_logarithms(logarithms.name, target).replace(reads_too=(target, read)))  # fmt: skip
    return (*seen, Step("cross_entropy", (read,), (), parts=parts, reads_too=(target,)))


_STEPS: Final[Mapping[str, Callable[[Shape], tuple[Step, ...]]]] = MappingProxyType({
    "sum": _sum, "mean": _mean, "mse_loss": _squared, "cross_entropy": _cross_entropy, "nll_loss": _nll_loss,
})  # fmt: skip
