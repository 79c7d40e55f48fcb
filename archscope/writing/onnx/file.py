"""`write_onnx`: a network as an ONNX file, with values for its weights, in the file or beside it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archscope.errors import MissingExtra, UsageError
from archscope.files import write_bytes, writing
from archscope.network import Network
from archscope.record import Record
from archscope.writing.renaming import encodable

if TYPE_CHECKING:
    import onnx

    from archscope.writing.onnx.sheet import Held, Sheet

KINDS: Final = {"random": "values drawn as the layers start", "zeros": "zeros that take no room"}
"""What weights may be filled with. Zeros stand beside the model, in a file without content."""

INSIDE: Final = 1 << 30
"""Bytes of weights that a file holds itself, and that are drawn unasked: a protocol buffer ends at 2 GiB."""


class Written(Record):
    """What was written.

    Attributes:
        weights: which of `KINDS` they are.
        bytes: what the weights take in float32.
        beside: the file that holds them, if the model does not.
        opset: of which opset its operators are.
    """

    weights: str
    bytes: int
    beside: str | None
    opset: int


def write_onnx(network: Network, path: str | Path, weights: str | None = None) -> Written:
    """Write a network as an ONNX file; needs no PyTorch.

    Up to `INSIDE` bytes of weights are drawn, always the same, and stand in the file. More are zeros that take no
    room, unless ``weights`` is ``random``; they stand in a second file, ``net.onnx.data``.

    Args:
        network: what to write.
        path: where to.
        weights: one of `KINDS`; by their size, if left out.

    Raises:
        MissingExtra: ``onnx`` is not installed.
        UsageError: ONNX has no words for a layer; the place cannot be written to.

    >>> import archscope, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_onnx(archscope.load("lenet5"), f"{folder}/lenet5.onnx")
    >>> written.bytes, written.weights, written.opset
    (243400, 'random', 23)
    """
    if find_spec("onnx") is None:
        raise MissingExtra("writing ONNX", "onnx", "onnx")
    from archscope.writing.onnx.model import sheet_of
    from archscope.writing.onnx.sheet import OPSET
    from archscope.writing.onnx.starts import drawn, zeros

    target, network = Path(path), encodable(network)
    # What cannot be said is told before a value is drawn.
    sheet, outputs = sheet_of(network, zeros)
    total = sum(held.bytes for held in sheet.held.values())
    kind = weights or ("random" if total <= INSIDE else "zeros")
    if kind not in KINDS:
        raise UsageError(f"weights are not `{kind}`; they are {' or '.join(KINDS)}")
    sheet.values = drawn(network) if kind == "random" else zeros
    beside = f"{target.name}.data" if total > INSIDE or (kind == "zeros" and total) else None
    if beside is None:
        write_bytes(target, _whole(sheet, outputs))
    else:
        _write_apart(sheet, outputs, target, beside, empty=kind == "zeros")
    return Written(kind, total, beside, OPSET)


def _whole(sheet: Sheet, outputs: list[str]) -> bytes:
    from archscope.writing.onnx.model import model_of, tensor

    content: bytes = model_of(sheet, outputs, tensor).SerializeToString()
    return content


def _write_apart(sheet: Sheet, outputs: list[str], target: Path, beside: str, *, empty: bool) -> None:
    """Weights in a file of their own, one after the other; zeros are one stretch of it that all of them share."""
    import numpy as np

    from archscope.writing.onnx.model import model_of

    if target.exists() and not target.is_file():
        raise UsageError(f"{target} is no file, and the weights stand in another beside it; name a file")
    places: dict[str, int] = {}
    end = 0
    for name, held in sheet.held.items():
        places[name] = 0 if empty else end
        end = max(end, held.bytes) if empty else end + held.bytes

    def store(name: str, held: Held) -> onnx.TensorProto:
        return _outside(name, held, beside, places[name])

    model = model_of(sheet, outputs, store)
    with writing(target.with_name(beside)) as file:
        if empty:
            file.truncate(end)
        else:
            for held in sheet.held.values():
                file.write(np.ascontiguousarray(held.make(), np.float32).tobytes())
    write_bytes(target, model.SerializeToString())


def _outside(name: str, held: Held, beside: str, offset: int) -> onnx.TensorProto:
    from onnx import TensorProto

    made = TensorProto(name=name, dims=held.shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", beside), ("offset", offset), ("length", held.bytes)):
        made.external_data.add(key=key, value=str(value))
    return made
