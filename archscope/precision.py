"""How many bytes values take, by PyTorch's names of their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

DTYPE_BYTES: Final[Mapping[str, int]] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int8": 1,
}
"""Bytes of one value of the types that are asked for by name."""

_BITS: Final = re.compile(r"(\d+)(?:_\w+|x\d+)?$")


def bits_of(dtype: str) -> int:
    """Bits of one value of any type; those of float32 where none is said.

    >>> [bits_of(each) for each in ("bfloat16", "float8_e4m3fn", "quint4x2", "bool", "")]
    [16, 8, 4, 8, 32]
    """
    if dtype == "bool":
        return 8
    found = _BITS.search(dtype)
    return int(found[1]) if found else 32


def stored_bytes(values: int, dtype: str) -> int:
    """Bytes in which many values of one type lie side by side.

    >>> stored_bytes(3, "quint4x2"), stored_bytes(3, "bfloat16")
    (2, 6)
    """
    return -(-values * bits_of(dtype) // 8)
