"""What is told of a module that does not run: at which line it stopped, and what to do about that.

What no input is the cause of has no advice about inputs: a name that is not there, an attribute that a module does not
have, a part of it that is called with too few arguments or too many.
"""

from __future__ import annotations

import re
from types import FunctionType
from typing import Final

from torch import Tensor, nn

from archscope.errors import UsageError
from archscope.theirs import place_of, said_by

LIBRARY: Final = "call it with tensors of your own if it takes others"
COMMAND: Final = ("write other inputs as --input 3,224,224 or --input NAME=128:int64, or name a function that returns "
                  "them, --example mypkg.models:example")  # fmt: skip
"""What to do about inputs on which a module does not run, in Python and on the command line."""

_LENGTHS: Final = "'lengths' argument should be a 1D CPU int64 tensor"
"""What PyTorch says where sequences are packed by lengths that are no values."""
_VALUES: Final = ("name a function that returns its inputs with values, --example mypkg.models:example: tensors, with "
                  "their batch")  # fmt: skip
_MODULE: Final = "that is in the code of the module: mend it first"
_MORE: Final = "name a function that returns it, --example mypkg.models:example"
_OWN: Final = "call it with that"
_NO_FORWARD: Final = 'is missing the required "forward" function'
_UNFLATTENED: Final = "; nothing flattens them before"
"""What is told of a dense layer that is given maps."""
_NO_GPU: Final = ("Torch not compiled with CUDA enabled", "Found no NVIDIA driver", "No CUDA GPUs are available",
                  "Torch not compiled with XPU enabled", "MPS backend is not available")  # fmt: skip
"""What PyTorch says where code wants a device that is not here."""
_EARLY: Final = "before Module.__init__() call"
SUPER: Final = "write `super().__init__()` first in its `__init__`"
"""What to do about a class whose parts come before it is a module, or that never becomes one."""
_CALLED: Final = re.compile(r"[\w.<>]+\(\) (takes|missing|got)\b")
"""What Python says of a function that is called with other arguments than it takes."""


def told(error: UsageError, attempts: int, remedy: str) -> str:
    """What stopped a module, at which line, and what to write.

    Args:
        error: of the attempt that went furthest; its cause is what the module's code raised.
        attempts: how many there were.
        remedy: what to do about inputs.
    """
    text, cause = str(error), error.__cause__
    asked = "" if cause is None else _asked(cause)
    if cause is not None and said_by(cause).startswith(_LENGTHS):
        text = f"{text.partition(', stops')[0]}, packs sequences by lengths, which are values, and a shape has none"
        attempts, remedy = 1, _VALUES if remedy == COMMAND else remedy
    place = "" if cause is None else place_of(cause)
    if place and place not in text:
        text = f"{text} (at {place})"
    if asked:
        return f"{text}; its `{asked}` raised that, whatever the input; mend that first"
    mend = "" if cause is None else _mend(cause, remedy)
    if not mend and _UNFLATTENED in text:
        mend = "flatten them in the module, by `x.flatten(1)` or an `nn.Flatten()`"
    if mend:
        return f"{text}; {mend}"
    tried = "; whole numbers were tried too" if attempts > 1 else ""
    return f"{text}{tried}; {remedy}" if remedy else f"{text}{tried}"


def mend_code(error: BaseException) -> str:
    """What to do about code that wants a GPU which is not here, or gives a module parts too early; else empty.

    >>> mend_code(AttributeError("cannot assign module before Module.__init__() call"))
    'write `super().__init__()` first in its `__init__`'
    """
    said = said_by(error)
    if any(each in said for each in _NO_GPU):
        return "no GPU is here: leave out `.cuda()` and `device=`, and move the module where it is used"
    return SUPER if said.endswith(_EARLY) else ""


def _mend(error: BaseException, remedy: str) -> str:
    """What to do about what the module's own code is the cause of; empty where it may as well be the inputs."""
    if isinstance(error, (NameError, ImportError)):
        return _MODULE
    if mend := mend_code(error):
        return mend
    if said_by(error).endswith(_NO_FORWARD):
        return "write what it does as `def forward(self, x):`"
    if isinstance(error, TypeError) and _CALLED.match(said_by(error)):
        return f"mend the module, or {remedy}" if remedy else "mend the module"
    if isinstance(error, AttributeError) and isinstance(error.obj, nn.Module):
        return _MODULE
    if isinstance(error, AttributeError) and isinstance(error.obj, Tensor):
        return f"mend the module, or if an input is more than a tensor, {_MORE if remedy == COMMAND else _OWN}"
    return ""


_ASKED: Final = ("__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__hash__", "__eq__", "__len__",
                 "__bool__", "__iter__", "__repr__", "__str__")  # fmt: skip
"""Methods by which Python asks an object for something that has nothing to do with what a module is given."""


def _asked(error: BaseException) -> str:
    """The one of these of a person's own class that an error came through, by whatever name it is written."""
    trace = error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        given = frame.f_locals.get(next(iter(frame.f_code.co_varnames), ""))
        kinds = type(given[0] if type(given) is tuple and given else given).__mro__
        for kind in kinds:
            own = {each.__code__: name for name, each in vars(kind).items()
                   if name in _ASKED and type(each) is FunctionType}  # fmt: skip
            if kind is not nn.Module and frame.f_code in own:
                return own[frame.f_code]
    return ""
