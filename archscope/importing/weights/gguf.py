"""Headers of GGUF files, the format of llama.cpp: key and value pairs, then a table of tensors."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

from archscope.importing.weights.stored import LARGEST, MOST, Extent, Stored, Tensor, broken, held_apart, shown

MAGIC: Final = b"GGUF"
"""What such a file begins with."""

_SCALARS: Final[Mapping[int, str]] = MappingProxyType(
    {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
)
_STRING: Final = 8
_ARRAY: Final = 9
_DEEPEST: Final = 4
_ALIGNED: Final = 32
_LONGEST_NAME: Final = 65_535

BLOCKS: Final[Mapping[int, tuple[str, int, int]]] = MappingProxyType({
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18), 42: ("Q2_0", 64, 18),
})  # fmt: skip
"""Each type by its number: its name, the values of one block, and its bytes."""


def read_gguf(path: str) -> Stored:
    """What the header of a file says; blocks of a quantised tensor are counted by the values they stand for.

    Raises:
        UsageError: it is not whole, or contradicts itself.
    """
    size = Path(path).stat().st_size
    with Path(path).open("rb", buffering=1 << 20) as file:
        reader = _Reader(file, size, path)
        try:
            return reader.stored()
        except (struct.error, UnicodeDecodeError):
            raise broken(path, "its header ends before it says all, or has names that are no UTF-8") from None


class _Reader:
    """Reads a header from its start; the order of bytes is that of the version, which is a small number."""

    def __init__(self, file: IO[bytes], size: int, path: str) -> None:
        self._file = file
        self._size = size
        self._path = path
        self._order = "<"
        self._wide = "Q"

    def stored(self) -> Stored:
        self._file.seek(len(MAGIC))
        version = self._number("I")
        if version > 0xFFFF:
            self._order = ">"
            version = int.from_bytes(version.to_bytes(4, "little"), "big")
        if not 1 <= version <= 3:
            raise broken(self._path, f"version {version:,} of GGUF is not known")
        self._wide = "I" if version == 1 else "Q"
        tensors, pairs = self._number(self._wide), self._number(self._wide)
        if tensors > MOST or pairs > MOST:
            raise broken(self._path, f"{tensors:,} tensors and {pairs:,} pairs; {MOST:,} are read at most")
        said = dict(self._pair() for _ in range(pairs))
        found = [self._tensor() for _ in range(tensors)]
        self._once([tensor.name for tensor, _ in found])
        aligned = said.get("general.alignment", _ALIGNED)
        aligned = aligned if type(aligned) is int and 0 < aligned < 1 << 20 else _ALIGNED
        begins = -(-self._file.tell() // aligned) * aligned
        held_apart([extent for _, extent in found], max(0, self._size - begins), self._path)
        network = said.get("general.architecture")
        name = shown(network) if isinstance(network, str) else ""
        parts = said.get("split.count")
        parts = parts if type(parts) is int and parts > 1 else 1
        return Stored(self._path, "GGUF", tuple(tensor for tensor, _ in found), network=name, parts=parts)

    def _once(self, names: list[str]) -> None:
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise broken(self._path, f"`{shown(name)}` is there twice")
            seen.add(name)

    def _number(self, kind: str) -> Any:
        form = self._order + kind
        return struct.unpack(form, self._file.read(struct.calcsize(form)))[0]

    def _text(self) -> str:
        return self._bytes(self._number(self._wide)).decode()

    def _bytes(self, length: int) -> bytes:
        if length > self._size - self._file.tell():
            raise broken(self._path, f"a text of {length:,} bytes, and the file has {self._size:,}")
        return self._file.read(length)

    def _pair(self) -> tuple[str, Any]:
        name = self._text()
        return name, self._value(self._number("I"), 0)

    def _value(self, kind: int, depth: int) -> Any:
        """A value; of a list, which may be a whole vocabulary, nothing is kept."""
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _STRING:
            return self._bytes(self._number(self._wide)).decode(errors="replace")
        if kind != _ARRAY or depth > _DEEPEST:
            raise broken(self._path, f"a value of type {kind:,}" if kind != _ARRAY else "lists nested too deeply")
        inner, many = self._number("I"), self._number(self._wide)
        if inner in _SCALARS:
            self._skip(many * struct.calcsize(self._order + _SCALARS[inner]))
            return None
        if many > self._size:
            raise broken(self._path, f"a list of {many:,} entries, and the file has {self._size:,} bytes")
        for _ in range(many):
            if inner == _STRING:
                self._skip(self._number(self._wide))
            else:
                self._value(inner, depth + 1)
        return None

    def _skip(self, length: int) -> None:
        if length > self._size - self._file.tell():
            raise broken(self._path, f"a list of {length:,} bytes, and the file has {self._size:,}")
        self._file.seek(length, 1)

    def _tensor(self) -> tuple[Tensor, Extent]:
        """A tensor and where it lies; its extents stand the other way round."""
        name = self._text()
        axes = self._number("I")
        if len(name) > _LONGEST_NAME or axes > 8:
            raise broken(self._path, f"`{shown(name)}` has {axes:,} axes")
        shape = tuple(self._number(self._wide) for _ in range(axes))[::-1]
        kind, start = self._number("I"), self._number("Q")
        values = math.prod(shape)
        if values > LARGEST or start > LARGEST:
            raise broken(self._path, f"`{shown(name)}` has more values than a file can hold")
        named, block, held = BLOCKS.get(kind, (f"type {kind}", 1, 0))
        if values % block:
            raise broken(self._path, f"`{shown(name)}` has {values:,} values in {named} blocks of {block}")
        end = start + values // block * held if held else None
        return Tensor(name, shape, named), Extent(name, start, end)
