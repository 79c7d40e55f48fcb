"""What code may set for everybody in the process, and how it is told and set back."""

from __future__ import annotations

import decimal
import functools
import logging
import sys
from collections.abc import Callable
from typing import Any, Final

import torch
from torch._tensor_str import PRINT_OPTS


def _device() -> Any:
    """The device on which tensors are made, if anybody said one."""
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if context is None else context.device


def _put_device(device: Any) -> None:
    if _device() != device:
        torch.set_default_device(device)


def _put_threads(many: int) -> None:
    if torch.get_num_threads() != many:
        torch.set_num_threads(many)


def _levels() -> dict[str, int]:
    """What each logger says, the root by no name."""
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    return {"": logging.root.level, **{each.name: each.level for each in loggers}}


def _set_levels(levels: dict[str, int]) -> None:
    now = _levels()
    for name, level in levels.items():
        if now.get(name) != level:
            logging.getLogger(name or None).setLevel(level)


def _print(options: dict[str, Any]) -> None:
    torch.set_printoptions(**options)  # type: ignore[no-untyped-call]


_OF_DECIMALS: Final = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


def _decimals() -> tuple[decimal.Context, decimal.Context]:
    """How this thread counts in decimals, and how that is now: it is one object, which code may write on."""
    context = decimal.getcontext()
    return context, context.copy()


def _put_decimals(told: tuple[decimal.Context, decimal.Context]) -> None:
    context, before = told
    if decimal.getcontext() is not context:
        decimal.setcontext(context)
    for name in _OF_DECIMALS:
        setattr(context, name, getattr(before, name))
    context.flags, context.traps = before.flags, before.traps


def _of(holder: Any, name: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    return lambda: getattr(holder, name), functools.partial(setattr, holder, name)


SETTINGS: Final[tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...]] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (_device, _put_device),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.get_num_threads, _put_threads),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.is_warn_always_enabled, torch.set_warn_always),
    (torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp),
    (torch.backends.cuda.mem_efficient_sdp_enabled, torch.backends.cuda.enable_mem_efficient_sdp),
    (torch.backends.cuda.math_sdp_enabled, torch.backends.cuda.enable_math_sdp),
    _of(torch.backends.cudnn, "benchmark"),
    _of(torch.backends.cudnn, "deterministic"),
    _of(torch.backends.cudnn, "enabled"),
    _of(torch.backends.mkldnn, "enabled"),
    _of(torch.utils.deterministic, "fill_uninitialized_memory"),
    (lambda: dict(vars(PRINT_OPTS)), _print),
    (_levels, _set_levels),
    (_decimals, _put_decimals),
    (sys.getrecursionlimit, sys.setrecursionlimit),
)
"""How each is told, and how it is set."""

__all__ = ["SETTINGS"]
