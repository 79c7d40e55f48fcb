"""What a person states about the inputs of a network, as text; needs no PyTorch.

``--input 3,224,224`` is the shape of one sample, ``--input ids=128:int64`` one by name with the type of its numbers,
``--input steps=3`` a plain value.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.errors import UsageError, did_you_mean
from archscope.record import Record
from archscope.tracing.inputs import Call, Given

DTYPES: Final[Mapping[str, str]] = MappingProxyType({
    **{name: name for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
                               "bool", "complex64", "complex128")},
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
})  # fmt: skip
"""PyTorch's names of the types of numbers, and what each is short for."""


class Bare(Record):
    """One number by name, ``steps=3``: a plain value, or the length of a vector where that is what is taken."""

    value: int


_NO_VALUE: Final = object()
_NAMED: Final = re.compile(r"\s*(?P<name>[^\W\d][\w.-]*)\s*=(?!=)(?P<value>.*)", re.DOTALL)
_SHAPE: Final = re.compile(r"(?P<extents>\d+(?:\s*,\s*\d+)*\s*,?)?\s*(?::\s*(?P<dtype>\w*))?")
_WORD: Final = re.compile(r"[A-Za-z][\w./-]*")
_CONSTANTS: Final = {"true": True, "false": False, "none": None, "inf": float("inf"), "nan": float("nan")}


def parse_inputs(texts: Sequence[str]) -> Call:
    """Read what ``--input`` was given, each time it was.

    Raises:
        UsageError: one of them is neither a shape nor a value; a name is given twice; says what to write.

    >>> parse_inputs(["3,32,32", "ids=128:int64", "mask=128:bool", "t=:float32", "steps=3", "mode=fast"])
    Call(args=(Given(shape=(3, 32, 32), dtype=None, batched=None, axis=0),),
     kwargs={'ids': Given(shape=(128,), dtype='int64', batched=None, axis=0),
     'mask': Given(shape=(128,), dtype='bool', batched=None, axis=0),
     't': Given(shape=(), dtype='float32', batched=None, axis=0), 'steps': Bare(value=3), 'mode': 'fast'},
     batch=1, axes=(), whole=False, more=False)
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for text in texts:
        named = _NAMED.fullmatch(text)
        if named is None:
            args.append(parse_shape(text))
        elif named["name"] in kwargs:
            raise UsageError(f"the input `{named['name']}` is given twice; state it once")
        else:
            kwargs[named["name"]] = _value(named["name"], named["value"].strip())
    return Call(tuple(args), kwargs)


def parse_shape(text: str) -> Given:
    """The shape of one sample, ``3,224,224``, with the type of its numbers if that is said, ``128:int64``.

    Raises:
        UsageError: it is no shape, or no type of number is called so.

    >>> parse_shape("(1, 28, 28)"), parse_shape(":bool")
    (Given(shape=(1, 28, 28), dtype=None, batched=None, axis=0), Given(shape=(), dtype='bool', batched=None, axis=0))
    """
    plain = text.strip()
    if plain[:1] in "[(" and plain[-1:] in "])":
        plain = plain[1:-1].strip()
    found = _SHAPE.fullmatch(plain)
    extents = [int(each) for each in (found["extents"] or "").split(",") if each.strip()] if found else []
    if found is None or not plain or not all(0 < extent < _LONGEST for extent in extents):
        raise UsageError(f"`{text}` is no shape; write whole numbers with commas, channels first: 3,224,224")
    return Given(tuple(extents), None if found["dtype"] is None else _dtype(found["dtype"], text))


def spelled(given: Given) -> str:
    """A tensor as it is written on a command line.

    >>> spelled(Given((3, 224, 224))), spelled(Given((128,), "int64"))
    ('3,224,224', '128:int64')
    """
    return ",".join(map(str, given.shape)) + ("" if given.dtype is None else f":{given.dtype}")


_LONGEST: Final = 2**63
"""PyTorch holds no axis as long as this."""


def _dtype(name: str, text: str) -> str:
    if name not in DTYPES:
        what = f"`{name}` is no type of number" if name else "the type of number after the colon is missing"
        raise UsageError(f"`{text}`: {what}; {did_you_mean(name, DTYPES, what='types')}")
    return DTYPES[name]


def _value(name: str, text: str) -> Any:
    """What a name is given: a tensor by its shape, or a plain value of Python's."""
    if re.fullmatch(r"\d{1,18}", text):
        return Bare(int(text))
    if _SHAPE.fullmatch(text):
        return Given(()) if not text else parse_shape(text)
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if _WORD.fullmatch(text):
        meant = difflib.get_close_matches(text.lower(), ("true", "false", "none"), n=1, cutoff=0.75)
        if meant:
            raise UsageError(f"`{name}={text}`: did you mean `{meant[0].title()}`? a word that is meant as it stands "
                             f"is written in quotes: {name}=\"'{text}'\"")  # fmt: skip
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = _NO_VALUE
    if value is not _NO_VALUE and (not isinstance(value, tuple) or text.startswith("(")):
        return value
    if re.fullmatch(r"[\d\s,.x×*+-]+(:\w*)?", text):
        raise UsageError(f"`{name}={text}`: `{text}` is neither a shape nor a number; write {name}=3,224,224 for a "
                         f"tensor, {name}=0.5 for a number")  # fmt: skip
    raise UsageError(f"`{name}={text}`: `{text}` is neither a shape nor a value of Python's; write "
                     f"{name}=3,224,224 for a tensor, {name}=128:int64 for one of whole numbers, "
                     f"{name}=\"'a word'\" for text")  # fmt: skip


def parse_options(text: str) -> dict[str, Any]:
    """Arguments of a factory as they stand in a call of Python's, ``depth=18, pretrained=False``.

    Raises:
        UsageError: they are no such arguments; says what to write.

    >>> parse_options("depth=18, widths=[64, 128]")
    {'depth': 18, 'widths': [64, 128]}
    """
    wanted = 'write them as in a call: --kwargs "depth=18, pretrained=False"'
    try:
        call = ast.parse(f"f(**{text})" if text.lstrip().startswith("{") else f"f({text})", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise UsageError(f"`--kwargs {text}` are no arguments; {wanted}") from None
    options: dict[str, Any] = {}
    if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
        raise UsageError(f"`--kwargs {text}` has a value without a name; {wanted}")
    for each in call.keywords:
        try:
            value = ast.literal_eval(each.value)
        except (ValueError, TypeError, MemoryError, RecursionError):
            shown = ast.unparse(each.value)
            word = f"{each.arg}='{shown}' for the word, or " if isinstance(each.value, ast.Name) and each.arg else ""
            raise UsageError(f"`--kwargs {text}`: `{shown}` is no value that can be written down; write {word}a "
                             "function that passes it, and name that") from None  # fmt: skip
        options.update({each.arg: value} if each.arg is not None else value)
    return options
