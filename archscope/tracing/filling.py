"""What nobody said of a call is filled in: what is likeliest first, then other types of numbers, then no batch."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import nn

from archscope.tracing.inputs import Call, Given
from archscope.tracing.stated import Bare

MOST: Final = 32
"""Ways of filling in what nobody said that are tried at most."""

_BATCHED: Final = 4
"""Axes of a batch of pictures."""

WHOLE: Final = re.compile(r"(.*_)?(ids?|idx|index|indices|labels?|targets?|tokens?|words?|timesteps?)", re.IGNORECASE)
"""Names of inputs that are mostly whole numbers."""


def filled(module: nn.Module, call: Call) -> Iterator[Call]:
    """The call with everything said: first what is most likely, then other types of numbers."""
    try:
        parameters = inspect.signature(module.forward).parameters
    except (TypeError, ValueError):
        parameters = {}  # type: ignore[assignment]
    places = list(call.named([name for name in parameters if name not in ("args", "kwargs")]))
    own = next((each.dtype for each in (*module.parameters(), *module.buffers()) if each.is_floating_point()),
               torch.get_default_dtype())  # fmt: skip
    precision = str(own).removeprefix("torch.")
    choices = [list(_choices(name, value, parameters.get(name), precision)) for name, value in places]
    ranked = sorted(itertools.islice(itertools.product(*map(range, map(len, choices))), 4096),
                    key=lambda picks: _rank(picks, choices))  # fmt: skip
    for batched in (True, False):
        for picks in ranked[:MOST]:
            values = [options[pick] for options, pick in zip(choices, picks, strict=True)]
            open_ = [isinstance(each, Given) and each.batched is None for each in values]
            if not batched and _bring_a_batch([each for each, free in zip(values, open_, strict=True) if free]):
                yield _with(call, [each.replace(shape=each.shape[1:], batched=True) if free else each
                                   for each, free in zip(values, open_, strict=True)])  # fmt: skip
            if batched or any(open_):
                yield _with(call, [each.replace(batched=batched) if free else each
                                   for each, free in zip(values, open_, strict=True)])  # fmt: skip


def _bring_a_batch(given: Sequence[Given]) -> bool:
    """Whether shapes with which a module does not run begin with a batch of one picture: 1,3,224,224."""
    return bool(given) and all(len(each.shape) >= _BATCHED and each.shape[0] == 1 for each in given)


def _with(call: Call, values: Sequence[Any]) -> Call:
    """The call with other values in its places, in order."""
    left = iter(values)
    args, kwargs = call.mapped(lambda _: next(left))
    return call.replace(args=args, kwargs=kwargs)


def _rank(picks: Sequence[int], choices: Sequence[Sequence[Any]]) -> tuple[int, int, tuple[int, ...]]:
    """The likeliest of all first, then tensors that are all of one type, then mixtures, with few others first.

    Only tensors whose type nobody stated tell a mixture: a plain value beside them is of no type.
    """
    open_ = [options[pick] for pick, options in zip(picks, choices, strict=True) if len(options) > 1]
    mixed = len({each.dtype for each in open_ if isinstance(each, Given)}) > 1
    return (int(mixed and any(picks)), sum(picks), tuple(picks))


def _choices(name: str, value: Any, parameter: inspect.Parameter | None, precision: str) -> Iterator[Any]:
    """What a place in a call may be, the likeliest first."""
    if isinstance(value, Bare):
        plain, tensor = _meant(parameter)
        if plain or not value.value:
            yield value.value
        if tensor and value.value:
            yield from _choices(name, Given((value.value,)), parameter, precision)
    elif isinstance(value, Given) and value.dtype is None:
        whole = bool(WHOLE.fullmatch(name.rpartition(".")[2]))
        for dtype in ("int64", precision) if whole else (precision, "int64"):
            yield value.replace(dtype=dtype)
    else:
        yield value


def _meant(parameter: inspect.Parameter | None) -> tuple[bool, bool]:
    """Whether one number may be meant as a plain value, and whether as the length of a vector."""
    if parameter is None:
        return True, True
    if isinstance(parameter.default, (bool, int, float)):
        return True, False
    stated = parameter.annotation
    text = "" if stated is parameter.empty else stated if isinstance(stated, str) else inspect.formatannotation(stated)
    plain = bool(re.search(r"\b(int|float|bool)\b", text))
    tensor = "Tensor" in text
    return (plain, tensor) if plain or tensor else (True, True)


__all__ = ["WHOLE", "filled"]
