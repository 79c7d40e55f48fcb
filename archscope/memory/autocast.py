"""Autocast: which operations PyTorch runs in the lower type on a CPU, which in float32, and what is cast for them.

Weights, their gradients and the optimizer's state stay in float32. What an operation of the first list reads is cast
before it, as an operation of its own that the backward pass goes through; a weight that is trained is cast once, and
the copy is held until the forward pass is over. All others run in the widest type of what they read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from archscope.errors import UsageError
from archscope.layers.steps import Made, Step
from archscope.memory.values import Value

if TYPE_CHECKING:
    from archscope.memory.stepping import Operations

FULL: Final = "float32"

CAST: Final = "to"
"""PyTorch's name of the operation that casts."""

AUTOCAST: Final = ("bfloat16", "float16")
"""Types that autocast runs in."""

_LOWER: Final = frozenset({
    "convolution", "conv_transpose", "linear", "mm", "bmm", "scaled_dot_product_attention", "prelu",
    "mkldnn_rnn_layer",
})  # fmt: skip
"""Run in the lower type."""

_FULL: Final = frozenset({
    "avg_pool3d", "max_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d", "reflection_pad1d", "reflection_pad2d",
    "replication_pad1d", "replication_pad2d", "replication_pad3d", "mse_loss", "cross_entropy", "nll_loss",
})  # fmt: skip
"""Run in float32."""

_WIDEST: Final = frozenset({"cat", "stack"})
"""All that they read is cast to the widest type among it."""

NORMS: Final = frozenset({"batch_norm", "layer_norm", "group_norm"})
"""Work out in the type of the first that they read, whatever type their weights have."""


OWN_TYPES: Final = frozenset({*NORMS, CAST})
"""Their backward pass makes each gradient in the type of what it goes to."""

SAME_TYPE: Final[Mapping[str, str]] = MappingProxyType({"trilinear": "bilinear"})
"""Run on tensors of one type alone; and whose operation each is."""

WORKS_BACK_WIDE: Final = frozenset({"mkldnn_rnn_layer"})
"""Their backward pass makes every gradient in float32."""


def checked(autocast: str | None, dtype: str) -> str | None:
    """The type that autocast runs in, if it is one.

    Raises:
        UsageError: it is none, or there is nothing in float32 to cast.
    """
    if autocast is None:
        return None
    if autocast not in AUTOCAST:
        raise UsageError(f"autocast runs in bfloat16 (bf16) or float16 (fp16), not in `{autocast}`")
    if dtype != FULL:
        raise UsageError(f"autocast casts what is in float32, and all is in {dtype}; leave the type out")
    return autocast


def casts(step: Step, local: Mapping[str, Value], lower: str) -> tuple[tuple[str, ...], str]:
    """Which of the tensors that a step reads are cast first, and to which type."""
    # What it saves of the others that it reads it was given too; the rest is only held meanwhile.
    given = dict.fromkeys((*step.reads, *(name for name in step.reads_too if name in step.saves)))
    target = ""
    if step.inside:
        return (), target
    if step.op in _LOWER:
        target = lower
    elif step.op in _FULL or (step.op in _WIDEST and any(local[name].dtype == FULL for name in given)):
        target = FULL
    cast_ = [name for name in given if target and _castable(local[name], target)]
    # The last argument is worked out first; a list of tensors from its beginning.
    return tuple(cast_ if step.op in _WIDEST else reversed(cast_)), target


def computed_in(step: Step, read: Sequence[Value], dtype: str) -> str:
    """The type that a step works out its result in, by what it reads; ``dtype`` where it reads nothing."""
    floating = [each for each in read if _floating(each.dtype)]
    if not floating:
        return dtype
    if step.op in NORMS:
        return floating[0].dtype
    # A single number does not widen what has axes.
    wide = [each for each in floating if each.layout.shape] or floating
    return FULL if any(each.dtype == FULL for each in wide) else wide[0].dtype


def renamed(step: Step, names: Mapping[str, str]) -> Step:
    """A step, and what runs instead of it, that reads other tensors; who called it still holds those it was given."""
    if not names:
        return step

    def other(every: Sequence[str]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in every)

    read = tuple(name for name in (*step.reads, *step.reads_too) if name in names)
    return step.replace(
        reads=other(step.reads),
        saves=other(step.saves),
        saves_for={names.get(name, name): names.get(target, target) for name, target in step.saves_for.items()},
        passes=other(step.passes),
        reduces=other(step.reduces),
        reads_too=(*other(step.reads_too), *read),
        unlined=tuple(renamed(each, names) for each in step.unlined),
        parts=tuple(renamed(each, names) for each in step.parts),
        learned=(other(step.learned[:1])[0], tuple(renamed(each, names) for each in step.learned[1]))
        if step.learned
        else (),
    )


def already(step: Step, local: Mapping[str, Value]) -> bool:
    """Whether a step casts a tensor to a type that it has, which does nothing; float64 is as good as float32."""
    if step.op != CAST:
        return False
    made, have = step.makes[0], local[step.reads[0]].dtype
    wanted = made.dtype or local[made.typed].dtype
    return have == wanted or (have == "float64" and wanted == FULL)


def mixed(step: Step, local: Mapping[str, Value]) -> bool:
    """Whether what a step reads is of several types."""
    return len({local[name].dtype for name in step.reads}) > 1


def keeping(step: Step, cast_: Sequence[str]) -> Step:
    """A step that keeps what was cast and its backward pass needs, also where the weight itself is held anyway.

    Products need a matrix for the gradient of what it is multiplied with alone; constants are never needed but by a
    recurrent layer.
    """
    if step.unlined:
        *parts, last = (keeping(each, cast_) for each in step.unlined)
        step = step.replace(unlined=(*parts, last.replace(reads_too=(*last.reads_too, *cast_))))
    if step.op not in _LOWER or step.parts:
        return step
    needed = [name for name in cast_ if name in step.reads[1 : None if step.every else 2]]
    if step.op in ("linear", "mm", "bmm"):
        return step.replace(saves_for={**step.saves_for, **dict.fromkeys(needed, step.reads[0])})
    return step.replace(saves=tuple(dict.fromkeys((*step.saves, *needed))))


def cast(name: str, made: str, target: str) -> Step:
    """The step that casts a tensor to a type."""
    return Step(CAST, (name,), (Made(made, (), target, like=name),))


class Casting:
    """What autocast casts in one forward pass: a weight that is trained once, as long as the pass lasts.

    Args:
        target: the type that it runs in; None for no autocast.
        operations: what runs.
    """

    def __init__(self, target: str | None, operations: Operations) -> None:
        self._target = target
        self._operations = operations
        self._known: dict[Value, Value] = {}

    def forget(self) -> None:
        """Autocast is over, and with it what it remembered."""
        for value in self._known.values():
            self._operations.let_go(value)
        self._known.clear()

    def remember(self, weight: Value, made: Value) -> None:
        """A tensor was cast; one that is a weight and trained is remembered."""
        if weight.weight and weight.leaf and made.dtype == self._target:
            self._known[weight] = self._operations.name(made)

    def of(self, step: Step, local: dict[str, Value]) -> Sequence[Step] | None:
        """Casts, and the step on what they make; None where nothing has to be cast."""
        if self._target is None:
            return None
        cast_, target = casts(step, local, self._target)
        if not cast_:
            return None
        names = {name: f"{name} in {target}" for name in cast_}
        steps = []
        for name, made in names.items():
            known = self._known.get(local[name]) if target == self._target else None
            if known is None:
                steps.append(cast(name, made, target))
            else:
                local[made] = self._operations.name(known)
        return [*steps, keeping(renamed(step, names), [*names.values()])]

    def for_each_sample(self, step: Step, local: Mapping[str, Value]) -> bool:
        """Whether a product without constants, with a copy of a matrix that no gradient goes to, is one a sample."""
        return self._target is not None and len(step.reads) == 2 and not local[step.reads[1]].grad


def _floating(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat"))


def _castable(value: Value, target: str) -> bool:
    return _floating(value.dtype) and value.dtype not in (target, "float64")
