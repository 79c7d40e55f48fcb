"""Keras as the witness of a model in a file: it makes the model from its configuration, and never runs code of it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from archscope import UsageError
from archscope.errors import MissingExtra
from archscope.network import Network
from archscope.opening import open_network
from archscope.oracles import Verification, keras, verify
from archscope.oracles.keras_file import refuse_code

LAYERS: list[dict[str, Any]] = [
    {"class_name": "InputLayer", "config": {"batch_shape": [None, 8, 8, 3], "name": "x"}},
    {"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "activation": "relu"}},
    {"class_name": "BatchNormalization", "config": {"name": "n"}},
    {"class_name": "Flatten", "config": {"name": "f"}},
    {"class_name": "Dense", "config": {"name": "d", "units": 5}},
]


def written(folder: Path) -> Network:
    layers = [{**each, "module": "keras.layers", "registered_name": None} for each in LAYERS]
    model = {"class_name": "Sequential", "config": {"name": "net", "layers": layers}, "module": "keras",
             "registered_name": None}  # fmt: skip
    path = folder / "net.json"
    path.write_text(json.dumps(model))
    return open_network(path)


def asked(network: Network) -> Verification:
    return verify(network, ["Keras"])


def test_what_keras_says_otherwise_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"layers": [{"name": "c", "output": [6, 6, 5], "weights": 112}, {"name": "d", "output": [5], "weights": 7}],
            "weights": 853}  # fmt: skip
    monkeypatch.setattr(keras, "_said", lambda *_: said)
    assert [each.sentence for each in asked(written(tmp_path)).differing] == [
        "c.relu: output is 4×6×6; Keras counts 6×6×5",
        "d: weights is 725; Keras counts 7",
    ]


def test_what_keras_does_not_make_or_is_too_large_for_it_is_not_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = written(tmp_path)
    monkeypatch.setattr(keras, "_said", lambda *_: {"failed": "no such\nlayer"})
    assert [each.why for each in asked(network).findings] == ["Keras does not make it: no such layer"]
    monkeypatch.setattr(keras, "_LARGEST", 100)
    assert asked(network).findings[0].why == "Keras would make 853 values, and is asked to make 100 at most"


def test_without_keras_it_is_missing_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = written(tmp_path)
    monkeypatch.setattr(keras.importlib.util, "find_spec", lambda name: None if name == "keras" else find_spec(name))
    with pytest.raises(MissingExtra, match=r"archscope\[keras\]"):
        asked(network)


@pytest.mark.parametrize(
    "planted",
    [
        {"module": "os", "class_name": "system", "config": {}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://x"}},
        {"module": "builtins", "class_name": "function", "config": "f"},
        {"module": "builtins", "class_name": "eval", "config": "f"},
        {"module": "keras.layers", "class_name": "Lambda", "config": {}},
        {"class_name": "__lambda__", "config": {"value": "4wEA"}},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}},
        {"class_name": 3},
    ],
)
def test_a_configuration_that_names_code_is_refused_before_keras_sees_it(planted: Any) -> None:
    innocent = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3, "kernel_initializer": None}}
    refuse_code(innocent)
    with pytest.raises(UsageError):
        refuse_code({**innocent, "config": [{"kernel_initializer": planted}]})
