"""Files of weights, made by hand: headers with room behind them, which takes no place on a disk."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BYTES = {"F32": 4, "I64": 8, "BF16": 2, "U8": 1}


def safetensors(path: Path, shapes: Mapping[str, tuple[tuple[int, ...], str] | tuple[int, ...]]) -> str:
    """A safetensors file with tensors of these shapes, of float32 where no type is beside one."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, said in shapes.items():
        shape, dtype = said if len(said) == 2 and isinstance(said[1], str) else (said, "F32")
        size = math.prod(shape) * BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return str(headed(path, json.dumps(header).encode(), at))


def headed(path: Path, header: bytes, room: int, length: int | None = None) -> Path:
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header) if length is None else length) + header)
        file.truncate(8 + len(header) + room)
    return path


def gguf(
    path: Path, tensors: Mapping[str, tuple[tuple[int, ...], int]], *, order: str = "<", room: int = 1 << 20,
    parts: int = 0,
) -> str:  # fmt: skip
    """A GGUF file of version 3: shapes in PyTorch's order, and the number of each type."""

    def text(said: str) -> bytes:
        return struct.pack(f"{order}Q", len(said.encode())) + said.encode()

    pairs = [
        text("general.architecture") + struct.pack(f"{order}I", 8) + text("llama"),
        text("tokens") + struct.pack(f"{order}IIQ", 9, 8, 2) + text("a") + text("bc"),
        text("scores") + struct.pack(f"{order}IIQ2f", 9, 6, 2, 0.5, 1.5),
        text("general.alignment") + struct.pack(f"{order}II", 4, 64),
    ]
    pairs += [text("split.count") + struct.pack(f"{order}IH", 2, parts)] if parts else []
    said = [b"GGUF", struct.pack(f"{order}IQQ", 3, len(tensors), len(pairs)), *pairs]
    at = 0
    for name, (shape, kind) in tensors.items():
        said += [text(name), struct.pack(f"{order}I{len(shape)}QIQ", len(shape), *shape[::-1], kind, at)]
        at += 4 * math.prod(shape)  # float32 takes the most room
    whole = b"".join(said)
    with path.open("wb") as file:
        file.write(whole)
        file.truncate(len(whole) + room)
    return str(path)
