"""Files of weights whose headers were changed: their bytes, and what they say; each is held against a network."""

from __future__ import annotations

import json
import struct
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tools.fuzz.mutating import mutated, torn
from tools.fuzz.watching import obeyed, wrong_with

if TYPE_CHECKING:
    from archscope.network import Network

_SPEC = """
input: [3, 8, 8]
layers:
  c: {type: conv2d, out_channels: 4, kernel_size: 3}
  n: {type: batch_norm}
  f: {type: flatten}
  d: {type: linear, out_features: 5}
"""
_NAMES = ("c.weight", "model.0.weight", "n.bias", "n.running_mean", "lm_head.weight", "position_ids", "x.qweight",
          "d.bias", "a.b.c_d.e", "", ".", "é 층", "\x1b[31m", "x" * 5000, "." * 3000)  # fmt: skip
_EXTENTS = (0, 1, 2, 3, 4, 5, 36, 108, 144, 255, 1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def one(random: Random) -> str | None:
    """Read a header, and place what it has."""
    content = random.choice((_safetensors, _gguf, _index))(random)
    if random.random() < 0.4:
        content = torn(content, random)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / random.choice(("w", "w.safetensors", "w.gguf"))
        path.write_bytes(content)
        return wrong_with(lambda: _held_against(str(path)))


def _held_against(path: str) -> str:
    from archscope.oracles import verify
    from archscope.oracles.report import FORMATS

    found = verify(_network(), weights=path)
    for name, write in FORMATS.items():
        text = write([found])
        text.encode()
        if signs := obeyed(text):
            raise ValueError(f"{name} has {signs!r}")
    return found.sentence


@cache
def _network() -> Network:
    import archscope

    return archscope.read(_SPEC)


def _shapes(random: Random) -> dict[str, list[int]]:
    """The tensors of the network, or nearly those."""
    shapes = {"c.weight": [4, 3, 3, 3], "c.bias": [4], "n.weight": [4], "n.bias": [4], "n.running_mean": [4],
              "n.running_var": [4], "d.weight": [5, 144], "d.bias": [5]}  # fmt: skip
    for _ in range(random.randrange(4)):
        kind, name = random.randrange(4), random.choice(list(shapes))
        if kind == 0:
            shapes[random.choice(_NAMES)] = shapes.pop(name)
        elif kind == 1:
            shapes[name] = [random.choice(_EXTENTS) for _ in range(random.randrange(5))]
        elif kind == 2:
            shapes[random.choice(_NAMES)] = shapes[name]
        elif len(shapes) > 1:
            del shapes[name]
    return shapes


def _safetensors(random: Random) -> bytes:
    header: dict[str, Any] = {}
    at = 0
    for name, shape in _shapes(random).items():
        size = 4
        for each in shape:
            size *= each
        header[name] = {"dtype": random.choice(("F32", "F32", "I32", "I64", "WHO")), "shape": shape,
                        "data_offsets": [at, at + size]}  # fmt: skip
        at += size
    said = mutated(header, random) if random.random() < 0.5 else header
    text = json.dumps(said).encode(errors="surrogateescape")
    length = len(text) if random.random() < 0.9 else random.choice(_EXTENTS)
    return struct.pack("<Q", length % (1 << 64)) + text + bytes(min(at, 4096))


def _gguf(random: Random) -> bytes:
    order = random.choice("<<>")

    def text(said: str) -> bytes:
        return struct.pack(f"{order}Q", len(said.encode())) + said.encode()

    shapes = _shapes(random)
    pairs = [
        text("general.architecture") + struct.pack(f"{order}I", 8) + text(random.choice(_NAMES)),
        text("general.alignment") + struct.pack(f"{order}II", 4, random.choice((32, 64, 0, 1 << 31))),
        text("tokens") + struct.pack(f"{order}IIQ", 9, random.choice((8, 9, 4, 77)), 2) + text("a") + text("b"),
    ]
    kept = random.sample(pairs, random.randrange(4))
    made = [b"GGUF", struct.pack(f"{order}IQQ", random.choice((3, 3, 3, 2, 1, 7)), len(shapes), len(kept)), *kept]
    at = 0
    for name, shape in shapes.items():
        kind = random.choice((0, 0, 1, 2, 12, 30, 99))
        made += [text(name), struct.pack(f"{order}I{len(shape)}Q", len(shape), *shape[::-1]),
                 struct.pack(f"{order}IQ", kind, at % (1 << 64))]  # fmt: skip
        at += 4096
    return b"".join(made) + bytes(random.choice((0, 1 << 16)))


def _index(random: Random) -> bytes:
    said = {"metadata": {"total_size": 8}, "weight_map": {name: random.choice(("w", "../w", "no", "", "."))
                                                          for name in _shapes(random)}}  # fmt: skip
    return json.dumps(mutated(said, random)).encode(errors="surrogateescape")
