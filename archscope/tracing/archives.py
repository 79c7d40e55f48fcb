"""Files that PyTorch writes, told by what is in them; nothing in them is ever unpickled.

A ``.pt2`` file of `torch.export.save` holds its graph and its shapes as JSON and its weights as plain bytes. Whatever
else PyTorch writes is a pickle, and a pickle runs whatever code somebody has put into it.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from archscope.errors import UsageError
from archscope.escaping import line

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_SLACK: Final = 1 << 24
"""Bytes that an archive may unpack to beyond its own size."""

_SAMPLE: Final = "data/sample_inputs/"
_OPERATOR: Final = re.compile(r'"torch\.ops\.([A-Za-z_]\w{0,79})\.([A-Za-z_]\w{0,79})[.\w]*"')
_WEIGHTS: Final = ("data/weights/", "data/constants/")


def read_program(path: str | os.PathLike[str]) -> ExportedProgram:
    """The exported program in a ``.pt2`` file, without the example inputs that are pickled beside it.

    Raises:
        UsageError: it is another kind of file, or holds pickled parts; says what to do instead.
    """
    shown = os.fspath(path)
    parts = _parts(path, shown)
    _refuse_pickles(parts, shown)
    import torch

    try:
        with _unheard():
            return torch.export.load(_without_samples(parts))
    except Exception as error:
        raise UsageError(f"{shown}: {_foreign(parts) or unread(error)}") from error


def _foreign(parts: dict[str, bytes]) -> str:
    """What to say of a program with an operator that PyTorch does not have itself; empty where there is none."""
    import torch

    graphs = (body for name, body in parts.items() if name.startswith("models/") and name.endswith(".json"))
    named = sorted({each for body in graphs for each in _OPERATOR.findall(body.decode(errors="replace"))})
    for library, operator in named:
        if not hasattr(getattr(torch.ops, library), operator):
            return (f"`{library}::{operator}` is an operator that another library brings when it is imported; write a "
                    "function that imports that library and returns `torch.export.load(…)`, and name that: "
                    "`mypkg.models:load`")  # fmt: skip
    return ""


def unread(error: Exception) -> str:
    """What to say of a program that PyTorch cannot make anything of: changed, or of another release."""
    import torch

    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"PyTorch {torch.__version__} does not read this exported program: {line(reason)[:200]}"


@contextmanager
def _unheard() -> Iterator[None]:
    """Without the traceback that PyTorch writes where it does not read a program."""
    logger = logging.getLogger("torch.export")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _parts(path: str | os.PathLike[str], shown: str) -> dict[str, bytes]:
    """What is in the archive, by name without its outermost folder."""
    remedy = "write a function that loads it, and name that: `mypkg.models:load`"
    pickled = f"{shown} is a pickle, and unpickling runs whatever code is in it; {remedy}"
    try:
        if not zipfile.is_zipfile(path):
            with open(path, "rb") as file:  # noqa: PTH123 - a path of any kind
                old = file.read(1) == b"\x80"
            raise UsageError(
                pickled if old else f"{shown} is no whole zip file; write it again with `torch.export.save`"
            )
        with zipfile.ZipFile(path) as archive:
            return _unpacked(archive, os.path.getsize(path), shown, pickled)  # noqa: PTH202 - a path of any kind
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, ValueError) as error:
        raise UsageError(
            f"{shown} is no whole zip file: {line(str(error))[:200]}; write it again with `torch.export.save`"
        ) from None


def _unpacked(archive: zipfile.ZipFile, size: int, shown: str, pickled: str) -> dict[str, bytes]:
    """What is in an archive of so many bytes; ``pickled`` is what to say of one that is a pickle."""
    names = {name.partition("/")[2]: name for name in archive.namelist()}
    if any(name.startswith("code/") for name in names):
        raise UsageError(f"{shown} is a scripted module, which shows none of its layers; read the module it was "
                         "made from")  # fmt: skip
    if "data.pkl" in names or "serialized_exported_program.json" in archive.namelist():
        raise UsageError(pickled)
    if not any(name.startswith("models/") and name.endswith(".json") for name in names):
        compiled = any(name.startswith("data/aotinductor/") for name in names)
        what = "holds compiled code and no layers" if compiled else "is a zip file, and holds no exported program"
        raise UsageError(f"{shown} {what}; `torch.export.save` writes what can be read")
    unpacked = sum(each.file_size for each in archive.infolist())
    if unpacked > size + _SLACK:
        raise UsageError(f"{shown} unpacks to {unpacked:,} bytes, and PyTorch packs nothing; write it again with "
                         "`torch.export.save`")  # fmt: skip
    return {name: _part(archive, whole) for name, whole in names.items() if name}


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One part; `ZipFile.read` unpacks all that is there before it sees that it is more than the archive says."""
    with archive.open(name) as part:
        return part.read(archive.getinfo(name).file_size)


def _refuse_pickles(parts: dict[str, bytes], shown: str) -> None:
    """Insist that every weight is plain bytes."""
    where = ""
    for name, body in parts.items():
        if name.startswith(_WEIGHTS) and name.endswith("_config.json"):
            try:
                described: dict[str, Any] = json.loads(body).get("config", {})
                pickled = next((key for key, each in described.items() if not _plain(each)), "")
            except (ValueError, AttributeError, RecursionError):
                raise UsageError(
                    f"{shown} does not say how its weights are stored: `{name}` is no whole JSON"
                ) from None
            where = where or pickled
        elif name.startswith(_WEIGHTS) and name.endswith(".pt"):
            where = where or name
    if where:
        raise UsageError(f"{shown} holds `{where}` as a pickle, and unpickling runs whatever code is in it; write a "
                         "function that loads the file, and name that: `mypkg.models:load`")  # fmt: skip


def _plain(payload: dict[str, Any]) -> bool:
    return not payload.get("use_pickle", True) and str(payload.get("path_name", "")).startswith(("weight_", "tensor_"))


def _without_samples(parts: dict[str, bytes]) -> io.BytesIO:
    """The archive again, its pickled example inputs left empty."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, body in parts.items():
            archive.writestr(f"archive/{name}", b"" if name.startswith(_SAMPLE) else body)
    made.seek(0)
    return made
