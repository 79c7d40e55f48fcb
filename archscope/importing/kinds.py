"""What a file is, by its first bytes; a name is believed where they say nothing else."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path
from typing import Final

from archscope.errors import UsageError
from archscope.files import is_there


class Kind(Enum):
    """What can be told of a file."""

    PYTORCH = "a file of PyTorch's"
    ONNX = "an ONNX file"
    KERAS = "a Keras model"
    WEIGHTS = "weights and no network"
    UNREAD = "another kind of file"


_HEAD: Final = 1 << 16
_KERAS: Final = re.compile(rb'"class_name"\s*:\s*"(Functional|Sequential|Model)"')
_HUGGING_FACE: Final = re.compile(rb'"(model_type|architectures|transformers_version)"\s*:')
_PROTOTXT: Final = re.compile(rb"^\s*layers?\s*\{", re.MULTILINE)
_ONNX_FIELDS: Final = frozenset((0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72))
"""Tags of the fields that may come after the version in an ONNX file."""

_REFUSED: Final = (
    (b"\x89HDF\r\n\x1a\n", "is HDF5, of Keras 2 or weights alone; save the model again with `model.save('net.keras')`"),
    (b"GGUF", "holds weights and no graph"),
)


def kind_of(path: str) -> Kind | None:
    """What a file is; None where it may be a spec, or there is none.

    >>> kind_of("nowhere.onnx")
    """
    if not is_there(path) or not Path(path).is_file():
        return None
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    if head.startswith(b"PK\x03\x04"):
        return Kind.KERAS if _is_keras_archive(path) else Kind.PYTORCH
    if head.startswith(b"\x80"):
        return Kind.PYTORCH
    if any(head.startswith(magic) for magic, _ in _REFUSED) or head[4:8] == b"TFL3" or _is_safetensors(head):
        return Kind.UNREAD
    suffix = Path(path).suffix.lower()
    if suffix == ".onnx" or _is_onnx(head):
        return Kind.ONNX
    if head.lstrip()[:1] == b"{" and _KERAS.search(head[:4096]):
        return Kind.KERAS
    unread = (head.lstrip()[:1] == b"{" and _HUGGING_FACE.search(head)) or _PROTOTXT.search(head)
    return Kind.UNREAD if unread else None


def refuse(path: str) -> None:
    """Say of a file that is no network for archscope what it is.

    Raises:
        UsageError: always.
    """
    with Path(path).open("rb") as file:
        head = file.read(_HEAD)
    why = next((why for magic, why in _REFUSED if head.startswith(magic)), "")
    if head[4:8] == b"TFL3":
        why = "is a TensorFlow Lite file, which archscope does not read; export the model as ONNX"
    elif _is_safetensors(head):
        why = "holds weights and no graph"
    elif head.lstrip()[:1] == b"{":
        why = ("is a configuration of Hugging Face's; name a function that makes its model, `mypkg.models:load`, "
               "with `--input`")  # fmt: skip
    elif not why:
        why = "is a Caffe network, which archscope does not read yet"
    raise UsageError(f"{path} {why}")


def _is_onnx(head: bytes) -> bool:
    return len(head) > 3 and head[0] == 0x08 and 0 < head[1] < 0x20 and head[2] in _ONNX_FIELDS


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:10] in (b'{"', b"{}") and int.from_bytes(head[:8], "little") < 1 << 32


def _is_keras_archive(path: str | os.PathLike[str]) -> bool:
    import zipfile  # most files are none

    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return Path(path).suffix.lower() == ".keras"
    return "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names)
