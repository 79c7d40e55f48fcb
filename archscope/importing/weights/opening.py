"""`read_weights`: what a file of weights holds, or a folder or an index of several."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from archscope.errors import UsageError
from archscope.files import is_there
from archscope.importing.kinds import is_safetensors
from archscope.importing.weights.gguf import MAGIC, read_gguf
from archscope.importing.weights.safetensors import read_safetensors
from archscope.importing.weights.stored import Stored, Tensor, broken, shown

_NAMED: Final = ("model.safetensors.index.json", "model.safetensors", "diffusion_pytorch_model.safetensors",
                 "pytorch_model.bin.index.json", "pytorch_model.bin")  # fmt: skip
"""What weights are called in a folder, the first that is there."""
_LONGEST_INDEX: Final = 64 * 1024 * 1024
_MOST_FILES: Final = 10_000
_PART: Final = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.gguf|\.safetensors)")
"""A file that is a part of several, by its name."""


def read_weights(path: str) -> Stored:
    """What the header of a file says, told by its content; of an index, the headers of all its files.

    Raises:
        MissingExtra: it is a state dict of PyTorch's, which is not installed.
        UsageError: there is no such file, it holds no weights, or its header contradicts itself.
    """
    if not is_there(path):
        raise UsageError(f"there is no file {path}")
    if Path(path).is_dir():
        path = _in_folder(Path(path))
    try:
        with Path(path).open("rb") as file:
            head = file.read(64)
        if head.lstrip()[:1] == b"{" and not is_safetensors(head):
            return _index(path)
        return _all_parts(_one(path, head))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def _in_folder(folder: Path) -> str:
    chosen = next((folder / name for name in _NAMED if (folder / name).is_file()), None)
    if chosen is None:
        every = sorted([*folder.glob("*.safetensors"), *folder.glob("*.gguf")])
        alone = [each for each in every if (part := _PART.fullmatch(each.name)) is None or int(part[2]) == 1]
        if len(alone) != 1:
            raise UsageError(f"{folder} has {len(alone)} files of weights and no index; name one file")
        chosen = alone[0]
    return str(chosen)


def _one(path: str, head: bytes) -> Stored:
    if is_safetensors(head) or Path(path).suffix.lower() == ".safetensors":
        return read_safetensors(path)
    if head.startswith(MAGIC):
        return read_gguf(path)
    if head.startswith((b"PK\x03\x04", b"\x80")):
        from archscope.importing.weights.states import read_states

        return read_states(path)
    raise UsageError(f"{path} is no safetensors, GGUF or PyTorch file of weights")


def _all_parts(found: Stored) -> Stored:
    """All the files that one is a part of: by its name, which a GGUF file has to have that says so itself."""
    part = _PART.fullmatch(Path(found.path).name)
    many = 1 if part is None else int(part[3])
    if found.parts not in (1, many):
        raise broken(found.path, f"it says that it is one of {found.parts:,} parts, and is not called as one, such as "
                                 f"net-00001-of-{found.parts:05}.gguf")  # fmt: skip
    if part is None or many == 1:
        return found
    names = [f"{part[1]}-{number:05}-of-{part[3]}{part[4]}" for number in range(1, min(many, _MOST_FILES + 1) + 1)]
    return _together(found.path, names)


def _index(path: str) -> Stored:
    """All the files of an index, which lie beside it."""
    said = _map(path)
    found = _together(path, list(dict.fromkeys(said.values())))
    there = {each.name for each in found.tensors}
    missing = next((name for name in said if name not in there), None)
    if missing is not None:
        raise broken(path, f"`{shown(missing)}` is in none of its files")
    return found


def _together(path: str, names: Sequence[str]) -> Stored:
    """Files that lie beside one as one."""
    if len(names) > _MOST_FILES:
        raise broken(path, f"{len(names):,} files; {_MOST_FILES:,} are read at most")
    tensors: dict[str, Tensor] = {}
    network = kind = ""
    for name in names:
        if Path(name).name != name or name in ("", ".", ".."):
            raise broken(path, f"`{shown(name)}` does not lie beside it")
        part = Path(path).parent / name
        if not part.is_file():
            raise broken(path, f"there is no {shown(name)} beside it")
        with part.open("rb") as file:
            found = _one(str(part), file.read(64))
        network, kind = network or found.network, found.format
        for each in found.tensors:
            if each.name in tensors:
                raise broken(path, f"`{shown(each.name)}` is there twice")
            tensors[each.name] = each
    return Stored(path, kind, tuple(tensors.values()), len(names), network)


def _map(path: str) -> dict[str, str]:
    if Path(path).stat().st_size > _LONGEST_INDEX:
        raise broken(path, "an index is shorter")
    try:
        said: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise broken(path, "it is no JSON") from None
    found = said.get("weight_map") if isinstance(said, dict) else None
    if not isinstance(found, dict) or not found or not all(isinstance(each, str) for each in found.values()):
        raise UsageError(f"{path} is no index of weights: it has no `weight_map` of names and files")
    return found
