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
    CAFFE = "a Caffe network"
    HUGGING_FACE = "a configuration of Hugging Face's"
    WEIGHTS = "weights and no network"
    UNREAD = "another kind of file"


_HEAD: Final = 1 << 16
_KERAS: Final = re.compile(rb'"class_name"\s*:\s*"(Functional|Sequential|Model)"')
_HUGGING_FACE: Final = re.compile(rb'"(model_type|architectures|transformers_version)"\s*:')
_PROTOTXT: Final = re.compile(rb"^\s*layers?\s*\{", re.MULTILINE)
_ONNX_FIELDS: Final = frozenset((0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72))
"""Tags of the fields that may come after the version in an ONNX file."""

_INDEX: Final = re.compile(rb'"(weight_map|total_size)"\s*:')

_REFUSED: Final = (
    (b"\x89HDF\r\n\x1a\n", "is HDF5, of Keras 2 or weights alone; save the model again with `model.save('net.keras')`"),
)


_OTHERS: Final = (
    (re.compile(rb'"_diffusers_version"\s*:|\[\s*"diffusers"\s*,'), (
        "is a configuration of diffusers, which archscope makes no model of; name a function that does, "
        "`mypkg.models:load`, with `--input`")),
    (re.compile(rb'"peft_type"\s*:'), (
        "is an adapter of PEFT's, which says no network and no shapes; name the `config.json` of its base model, or a "
        "function that makes both, `mypkg.models:load`, with `--input`")),
    (re.compile(rb'"pretrained_cfg"\s*:'), (
        "is a configuration of timm's, which says a name and no layers; name the function of timm that makes the "
        "model, `timm.models:resnet50@3,224,224`")),
    (re.compile(rb'"sentence_transformers\.'), (
        "lists the modules of a sentence transformer; its network is in the `config.json` beside it")),
)  # fmt: skip
"""JSON of other libraries that describes no network by itself, and what to name instead."""
_NAMED: Final = {
    ".pt2": Kind.PYTORCH, ".pt": Kind.PYTORCH, ".pth": Kind.PYTORCH, ".keras": Kind.KERAS, ".caffemodel": Kind.UNREAD
}  # fmt: skip
"""What a file is by its name alone: no spec has such a one, and what was cut off may be the bytes that tell."""
_NAMES: Final = ("config.json", "model_index.json", "adapter_config.json")
"""What is looked for in a folder, the first that is there."""


def kind_of(path: str) -> Kind | None:
    """What a file is; None where it may be a spec, or there is none.

    >>> kind_of("nowhere.onnx")
    """
    if not is_there(path):
        return None
    if Path(path).is_dir():
        return _kind_of_folder(path)
    if not Path(path).is_file():
        return None
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    suffix = Path(path).suffix.lower()
    # First, since the length of a header may begin with any byte.
    if is_safetensors(head) or head.startswith(b"GGUF") or suffix in (".safetensors", ".gguf"):
        return Kind.WEIGHTS
    if head.startswith(b"PK\x03\x04"):
        return Kind.KERAS if _is_keras_archive(path) else Kind.PYTORCH
    if head.startswith(b"\x80"):
        return Kind.PYTORCH
    if any(head.startswith(magic) for magic, _ in _REFUSED) or head[4:8] == b"TFL3":
        return Kind.UNREAD
    if suffix == ".onnx" or _is_onnx(head):
        return Kind.ONNX
    if head.lstrip()[:1] == b"{" and _KERAS.search(head[:4096]):
        return Kind.KERAS
    if head.lstrip()[:1] == b"{" and _INDEX.search(head[:4096]):
        return Kind.WEIGHTS
    if head.lstrip()[:1] == b"{" and _HUGGING_FACE.search(head):
        return Kind.HUGGING_FACE
    if head.lstrip()[:1] in (b"{", b"[") and any(pattern.search(head) for pattern, _ in _OTHERS):
        return Kind.UNREAD
    if suffix == ".prototxt" or _PROTOTXT.search(head):
        return Kind.CAFFE
    return _NAMED.get(suffix)


def refuse(path: str) -> None:
    """Say of a file that is no network for archscope what it is.

    Raises:
        UsageError: always.
    """
    if kind_of(path) is Kind.WEIGHTS:
        raise _only_weights(path)
    path = _inside(path) if Path(path).is_dir() else path
    with Path(path).open("rb") as file:
        head = file.read(_HEAD)
    why = next((why for magic, why in _REFUSED if head.startswith(magic)), "")
    if head[4:8] == b"TFL3":
        why = "is a TensorFlow Lite file, which archscope does not read; export the model as ONNX"
    elif not why and Path(path).suffix.lower() != ".caffemodel":
        why = next(told for pattern, told in _OTHERS if pattern.search(head))
    elif not why:
        why = "holds Caffe's weights; name the `.prototxt` file of its network"
    raise UsageError(f"{path} {why}")


def _kind_of_folder(path: str) -> Kind | None:
    """What a folder is that is written as one, ``./gpt2`` or ``gpt2/``: a word alone is the name of a spec."""
    found = None if os.path.basename(path) == path else kind_of(_inside(path))  # noqa: PTH119
    return found if found in (Kind.HUGGING_FACE, Kind.UNREAD) else None


def _inside(folder: str) -> str:
    """The file of a folder that says what the folder is."""
    files = [os.path.join(folder, name) for name in _NAMES]  # noqa: PTH118 - as it was written
    return next((each for each in files if Path(each).is_file()), files[0])


def _is_onnx(head: bytes) -> bool:
    return len(head) > 3 and head[0] == 0x08 and 0 < head[1] < 0x20 and head[2] in _ONNX_FIELDS


def is_safetensors(head: bytes) -> bool:
    """Whether a file that begins so is of safetensors: the length of its header, and the header."""
    return len(head) > 9 and head[8:10] in (b'{"', b"{}") and int.from_bytes(head[:8], "little") < 1 << 32


def _only_weights(path: str) -> UsageError:
    """What a file of weights holds, and what to ask of it."""
    from archscope.importing.weights.opening import read_weights

    found = read_weights(path)
    of = f" of a network called {found.network}" if found.network else ""
    beside = Path(path).parent / "config.json"
    there = f"; the network's own file may be {beside}" if beside.is_file() else ""
    return UsageError(f"{path} holds weights{of} and no architecture: {found.sentence}. Count them against a network: "
                      f"`archscope verify SPEC --weights {path}`{there}")  # fmt: skip


def _is_keras_archive(path: str | os.PathLike[str]) -> bool:
    import zipfile  # most files are none

    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return Path(path).suffix.lower() == ".keras"
    return "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names)
