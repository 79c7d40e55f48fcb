"""What a forward pass may set for everybody in the process."""

from __future__ import annotations

import functools
import logging
import sys
from typing import Any

import torch

FOR_ALL: tuple[tuple[Any, Any, Any], ...] = (
    (torch.set_default_device, "cpu", None),
    (torch.set_num_threads, 3, torch.get_num_threads()),
    (torch.autograd.set_detect_anomaly, True, False),
    (torch.set_warn_always, True, False),
    (torch.backends.cuda.enable_flash_sdp, False, True),
    (torch.backends.cuda.enable_mem_efficient_sdp, False, True),
    (torch.backends.cuda.enable_math_sdp, False, True),
    (functools.partial(setattr, torch.backends.cudnn, "enabled"), False, True),
    (functools.partial(setattr, torch.backends.mkldnn, "enabled"), False, True),
    (functools.partial(setattr, torch.utils.deterministic, "fill_uninitialized_memory"), False, True),
    (torch.set_printoptions, 7, 4),
    (logging.root.setLevel, logging.ERROR, logging.root.level),
    (logging.getLogger("torch").setLevel, logging.ERROR, logging.getLogger("torch").level),
    (sys.setrecursionlimit, sys.getrecursionlimit() + 234, sys.getrecursionlimit()),
)
"""What code may set for everybody, what to, and what it is."""
