"""Find the device that was asked for, or say in one line why it is not there. Nothing falls back."""

from __future__ import annotations

import re
from typing import Any

from archscope.errors import ArchscopeError, UsageError


class NoDevice(ArchscopeError):
    """The device that was asked for is not on this machine."""

    exit_code = 3


def check_name(name: str) -> str:
    """Refuse what is no device's name, before PyTorch is loaded.

    >>> check_name("cuda:1")
    'cuda:1'
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise UsageError(f"no device is called `{name}`; write auto, cpu, cuda, cuda:1 or mps")
    return name


def find_device(torch: Any, name: str) -> Any:
    """The PyTorch device of a name; ``auto`` takes the first of cuda, mps and cpu that there is.

    Raises:
        NoDevice: it is not there; the message names the build, the driver or the devices there are.
    """
    check_name(name)
    if name == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        name = kind
    if name.startswith("cuda"):
        return _cuda(torch, name)
    if name == "mps" and not torch.backends.mps.is_available():
        raise NoDevice(f"no device `mps`: PyTorch {torch.__version__} finds no Apple GPU; use --device cpu")
    return torch.device(name)


def _cuda(torch: Any, name: str) -> Any:
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        raise NoDevice(
            f"no device `{name}`: PyTorch {torch.__version__} is built without CUDA; "
            "install a CUDA build (https://pytorch.org/get-started) or use --device cpu"
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise NoDevice(
            f"no device `{name}`: PyTorch {torch.__version__} is built for CUDA {torch.version.cuda} but finds no "
            "working NVIDIA driver; look at `nvidia-smi`, or use --device cpu"
        )
    index = int(name.partition(":")[2] or torch.cuda.current_device())
    if index >= count:
        there = ", ".join(f"cuda:{each} ({torch.cuda.get_device_name(each)})" for each in range(count))
        raise NoDevice(f"no device `{name}`: there is {there}")
    return torch.device("cuda", index)
