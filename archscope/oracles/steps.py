"""`Step`: one layer of a module or of a spec, in the one form in which both are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from archscope.building.sides import same_sides

Sides = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Step:
    """One layer that runs.

    Attributes:
        type: its type in the spec language.
        options: those that can be told apart, in one form.
        output: its output's shape, without the batch.
        parameters: values of the weights it uses.
        name: the layer of the spec, or the module's path.
        given: its input's shape, without the batch; None where its output depends on more than that.
        remark: what else is wrong with it, in words.
    """

    type: str
    options: Mapping[str, Any]
    output: tuple[int, ...]
    parameters: int = 0
    name: str = ""
    given: tuple[int, ...] | None = None
    remark: str = ""


_CHAINED: Final = ("add", "multiply")


def merged(steps: Sequence[Step]) -> list[Step]:
    """Steps that are one layer written in parts, as one.

    Zeros around an input belong to the window that reads them, what is cut off a transposed convolution to its
    padding, and ``a + b + c`` is one sum.
    """
    result: list[Step] = []
    for step in steps:
        before = result[-1] if result else None
        if before is not None and before.type.startswith("zero_pad") and "padding" in step.options:
            result.pop()
            step = replace(step, options=_padded(step, before.options["padding"]), given=before.given)
        elif before is not None and before.type.startswith("conv_transpose") and _cuts(step):
            result.pop()
            cut = tuple((-first, -last) for first, last in step.options["padding"])
            step = replace(before, options=_padded(before, cut), output=step.output)
        elif before is not None and before.type == step.type and step.type in _CHAINED:
            result.pop()
            step = replace(before, output=step.output)
        result.append(step)
    return result


def _padded(step: Step, more: Sides) -> dict[str, Any]:
    sides = tuple((a + c, b + d) for (a, b), (c, d) in zip(step.options["padding"], more, strict=True))
    return {**step.options, "padding": sides}


def _cuts(step: Step) -> bool:
    return step.type.startswith("zero_pad") and all(side <= 0 for pair in step.options["padding"] for side in pair)


def flattens(taken: Sequence[int], made: Sequence[int]) -> bool:
    """Whether a layer that rearranges values puts a sample's values in one vector; other shapes are no layers here."""
    return len(made) == 1 < len(taken)


def sides_of(padding: Any, shape: Sequence[int], kernel: Any, stride: Any, dilation: Any) -> Sides:
    """Padding before and after, an axis at a time, however it was written."""
    axes = len(kernel)
    if padding == "same":
        return same_sides(shape, kernel, stride, dilation)
    if padding == "valid":
        return ((0, 0),) * axes
    many = padding if isinstance(padding, (tuple, list)) else (padding,)
    many = tuple(many) * axes if len(many) == 1 else tuple(many)
    return tuple(each if isinstance(each, tuple) else (int(each), int(each)) for each in many)
