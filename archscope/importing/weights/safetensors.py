"""Headers of safetensors files: eight bytes that say how long it is, then JSON. The standard library reads them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.weights.stored import LARGEST, MOST, Extent, Stored, Tensor, broken, held_apart, shown
from archscope.limits import MOST_AXES

LONGEST: Final = 100_000_000
"""Bytes of a header: the format allows no more."""

BITS: Final[Mapping[str, int]] = MappingProxyType({
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
})  # fmt: skip
"""Bits of a number of each type."""


def read_safetensors(path: str) -> Stored:
    """What the header of a file says.

    Raises:
        UsageError: it is not whole, or contradicts itself.
    """
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(LONGEST, size - 8):
            raise broken(path, f"its header has {length:,} bytes, and the file {size:,}")
        text = file.read(length)
    said = _parsed(text, path)
    said.pop("__metadata__", None)
    if len(said) > MOST:
        raise broken(path, f"{len(said):,} tensors; {MOST:,} are read at most")
    found = [_tensor(name, each, path) for name, each in said.items()]
    held_apart([extent for _, extent in found], size - 8 - length, path)
    return Stored(path, "safetensors", tuple(tensor for tensor, _ in found))


def _parsed(text: bytes, path: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = next(name for name, many in Counter(name for name, _ in pairs).items() if many > 1)
            raise broken(path, f"`{shown(twice)}` is there twice")
        return found

    try:
        said = json.loads(text.decode(), object_pairs_hook=once)
    except UnicodeDecodeError:
        raise broken(path, "its header is no UTF-8") from None
    except RecursionError:
        raise broken(path, "its header is nested too deeply") from None
    except ValueError as error:
        raise broken(path, f"its header is no JSON: {shown(str(error))}") from None
    if not isinstance(said, dict):
        raise broken(path, "its header is no table of tensors")
    return said


def _tensor(name: str, said: Any, path: str) -> tuple[Tensor, Extent]:
    """A tensor and where it lies."""
    stated = said if isinstance(said, dict) else {}
    dtype, shape, offsets = stated.get("dtype"), _numbers(stated.get("shape")), _numbers(stated.get("data_offsets"))
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:
        raise broken(path, f"`{shown(name)}` has no type, shape and two offsets")
    if len(shape) > MOST_AXES or math.prod(shape) > LARGEST:
        raise broken(path, f"`{shown(name)}` has more values than a file can hold")
    start, end = offsets
    bits = BITS.get(dtype)
    if end < start or (bits is not None and math.prod(shape) * bits != (end - start) * 8):
        raise broken(path, f"`{shown(name)}` is {dtype} {shown(str(shape))} in {end - start:,} bytes")
    return Tensor(name, tuple(shape), shown(dtype)), Extent(name, start, end)


def _numbers(value: Any) -> list[int] | None:
    """A list of whole numbers; None if it is none."""
    fits = isinstance(value, list) and all(type(each) is int and 0 <= each <= LARGEST for each in value)
    return value if fits else None
