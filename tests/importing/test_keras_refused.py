"""Files of Keras that are refused: what is not read is said with its layer, and hostile archives are one line."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from archscope import UsageError, analyze
from archscope.opening import open_network
from archscope.oracles.keras_run import WEIGHTS, _refuse_claims, _unpack
from tests.importing.keras_written import layer, model, written


def test_an_open_axis_wants_a_number(tmp_path: Path) -> None:
    path = written(
        tmp_path, model(layer("Conv2D", "c", "x", filters=4, kernel_size=[3, 3]), shape=(None, None, None, 3))
    )
    with pytest.raises(UsageError, match="leaves one of its axes open; say how long it is: --input input=3,224,224"):
        open_network(path)
    assert analyze(open_network(path, input=(3, 10, 12))).rows[0].outputs == ((4, 8, 10),)


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (
            [layer("Dense", "a", "b", units=3), layer("Dense", "b", "a", units=3)],
            "read what nothing makes, or one another",
        ),
        ([layer("Mine", "a", "x", module="builtins")], "`a` .Mine. is no layer of Keras's"),
        ([layer("Lambda", "a", "x")], "`a` .Lambda. holds code, and no code of a file is run"),
        ([layer("Dense", "a", "x")], "`a` .Dense. does not say `units`"),
        ([layer("Dense", "a", "x", units=-3)], "is no `linear` of archscope"),
        (
            [layer("Split", "a", "x", module="keras.src.ops.numpy", indices_or_sections=10**9, axis=-1)],
            "`a` .Split. cuts 8 positions into 1,000,000,000 equal parts",
        ),
        ([layer("Power", "a", "x", module="keras.src.ops.numpy")], "`a` .Power. is not called with two things"),
        ([layer("Dense", "a", "x", units=3, activation="mine")], "has the activation `mine`, which is none of Keras's"),
        (
            [layer("Reshape", "r", "x", target_shape=[2, 4]), layer("BatchNormalization", "a", "r", axis=1)],
            "`a` .BatchNormalization. normalizes along another axis than that of the channels",
        ),
        ([layer("BatchNormalization", "a", "x", axis=[])], r"`a` .BatchNormalization. works along 0 axes, \[\]"),
        ([layer("Softmax", "a", "x", axis=[1, 2])], r"`a` .Softmax. works along 2 axes, \[1, 2\]"),
        ([layer("LayerNormalization", "a", "x", axis=[])], "normalizes along other axes than the last ones"),
        (
            [layer("Reshape", "r", "x", target_shape=[2, 4]), layer("ZeroPadding1D", "a", "r", padding=[1])],
            r"has a `padding` of \[1\], which is not two sides of 1 axes",
        ),
        (
            [
                layer("Reshape", "r", "x", target_shape=[2, 2, 2]),
                layer("Cropping2D", "a", "r", cropping=[[1, 1, 0], 0]),
            ],
            r"has a `cropping` of \[\[1, 1, 0\], 0\], which is not two sides of 2 axes",
        ),
        (
            [
                layer("Reshape", "r", "x", target_shape=[2, 4]),
                layer(
                    "Bidirectional",
                    "a",
                    "r",
                    layer=layer("GRU", "f", units=3),
                    backward_layer=layer("GRU", "b", units=3, use_bias=False),
                ),
            ],
            "has another layer backwards than forwards",
        ),
        ([layer("Conv2D", "a", "x", filters=3, kernel_size=[3, 3])], "takes 3 axes, and is given 1"),
        *(
            ([layer("Reshape", "r", "x", target_shape=[2, 4]), layer(kind, "a", "r", **options)], told)
            for kind, options, told in (
                ("TimeDistributed", {}, "`a` .TimeDistributed. has options that Keras does not write: KeyError"),
                ("TimeDistributed", {"layer": {"class_name": "ReLU"}}, "is around no layer"),
                ("RNN", {"cell": {"class_name": "LSTMCell"}}, "has options that Keras does not write: KeyError"),
                ("RNN", {"cell": {"class_name": 3, "config": {}}}, "does not write: AttributeError"),
                ("RNN", {"cell": {"class_name": "Mine", "config": {}}}, "has the cell `Mine`, whose code archscope"),
                ("Bidirectional", {"layer": {"class_name": "LSTM", "config": [1]}}, "does not write: AttributeError"),
                ("LSTM", {"units": 3, "activation": "mine"}, "has the activation `mine`, which is none of Keras's"),
                (
                    "EinsumDense",
                    {"equation": "abc,cd->bad", "output_shape": [4, 3]},
                    "mixes samples, or names an axis twice",
                ),
                (
                    "EinsumDense",
                    {"equation": "abc,ad->abd", "output_shape": [2, 3]},
                    "mixes samples, or names an axis twice",
                ),
                ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [9, 3]}, "has an axis `b` of 2 and of 9"),
                ("EinsumDense", {"equation": "...,cd->d", "output_shape": [3]}, "has an equation that is none of"),
                ("Dot", {"axes": 1}, "multiplies 1 values"),
                (
                    "Dense",
                    {"units": 3, "dtype": {"class_name": "QuantizedDTypePolicy"}},
                    "does not write: KeyError",
                ),
            )
        ),
    ],
)
def test_what_is_not_read_is_said_with_its_layer(layers: list[dict[str, Any]], told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=told):
        open_network(written(tmp_path, model(*layers)))


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", b" " * ((64 << 20) + 1))


def _cut(path: Path) -> None:
    _bomb(path)
    path.write_bytes(path.read_bytes()[:200])


def _deep(path: Path) -> None:
    path.write_text('{"class_name": "Functional", "config": ' + "[" * 100_000)


def _bare(path: Path) -> None:
    path.write_text('{"class_name": "Functional", "config": {"layers": 3, "input_layers": 4}}')


def _inside_itself(path: Path) -> None:
    inner = model(layer("Dense", "d", "x", units=2))
    for _ in range(60):
        outer = model({**layer("Functional", "m", "x"), "config": inner["config"]})
        inner = outer
    path.write_text(json.dumps(inner))


@pytest.mark.parametrize("make", [_bomb, _cut, _deep, _bare, _inside_itself])
def test_a_broken_file_is_one_line(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    make(path)
    with pytest.raises(UsageError) as told:
        analyze(path)
    assert "\n" not in str(told.value)
    assert str(path) in str(told.value)


def stored(folder: Path, write: Callable[[Any], None]) -> Path:
    """An archive with weights as somebody writes them."""
    with h5py.File(folder / "own.h5", "w") as store:
        write(store)
    with zipfile.ZipFile(folder / "net.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "own.h5", WEIGHTS)
    return folder / "net.keras"


HOSTILE: list[tuple[Callable[[Any], None], str]] = [
    (lambda store: store.create_dataset("layers/d/0", (1 << 40,), "f4", chunks=(1024,)), "claims 1,099,511,627,776"),
    (lambda store: store.__setitem__("layers", h5py.ExternalLink("/etc/passwd", "/")), "points to another place"),
    (lambda store: store.__setitem__("layers", h5py.SoftLink("/")), "points to another place"),
    (lambda store: store.create_dataset("d", (4,), "f4", external=[("/etc/passwd", 0, 16)]), "points to another place"),
    (lambda store: store.create_dataset("d", data=np.zeros(1 << 20)), "holds more in `model.weights.h5` than"),
]


@pytest.mark.parametrize(("write", "said"), HOSTILE, ids=["claims", "link", "circle", "elsewhere", "bomb"])
def test_weights_that_are_not_what_they_say_are_refused(
    write: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    path = stored(tmp_path, write)
    with pytest.raises(UsageError, match=said):  # noqa: PT012 - either of the two sees it
        _unpack(str(path), tmp_path / "out.h5", 1 << 20)
        _refuse_claims(tmp_path / "out.h5", str(path), 1024)


def test_weights_that_are_cut_off_are_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, lambda store: store.create_dataset("d", data=np.arange(4096.0)))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(whole[200:400], bytes(200)))
    with pytest.raises(UsageError, match="holds no whole"):  # noqa: PT012 - either of the two sees it
        _unpack(str(path), tmp_path / "out.h5", 1 << 20)
        _refuse_claims(tmp_path / "out.h5", str(path), 8192)
    (tmp_path / "out.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(UsageError, match="holds no whole"):
        _refuse_claims(tmp_path / "out.h5", str(path), 8192)


def test_neither_keras_nor_pytorch_is_loaded(tmp_path: Path) -> None:
    path = written(tmp_path, model(layer("Dense", "d", "x", units=2)), "network")
    code = (f"import sys; from archscope import analyze; assert analyze({path!r}).totals.macs == 16; "
            "print([name for name in ('torch', 'keras', 'numpy') if name in sys.modules])")  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
