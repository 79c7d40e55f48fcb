"""The JSON Schema says what the reader does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

import archscope
from archscope.errors import SpecError
from archscope.layers import TYPES
from archscope.reader import specs_folder
from archscope.reader.schema import json_schema, write_schema

jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema, from the dev extra")

FILES = sorted(path.name for path in specs_folder().glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_shipped_file_is_the_generated_one() -> None:
    assert (specs_folder() / "archscope.schema.json").read_text(encoding="utf-8") == write_schema()


@pytest.mark.parametrize("name", FILES)
def test_every_shipped_spec_is_valid(name: str, validator: Any) -> None:
    text = (specs_folder() / name).read_text(encoding="utf-8").replace("5e-4", "0.0005")
    text = text.replace("1e-4", "0.0001").replace("1e-3", "0.001")
    data = yaml.safe_load(text)  # which takes `18:` for a number
    data["variants"] = {str(key): each for key, each in data.get("variants", {"A": None}).items()}
    assert list(validator.iter_errors(data)) == []


@pytest.mark.parametrize("name", FILES)
def test_every_shipped_spec_tells_editors_where_the_schema_is(name: str) -> None:
    first = (specs_folder() / name).read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=archscope.schema.json"


def test_every_type_is_in_the_schema_with_every_option_described() -> None:
    definitions = json_schema()["$defs"]
    for name, kind in TYPES.items():
        for option in kind.options:
            assert definitions[name]["properties"][option]["description"]


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "conv2d", "out_channels": 6},
        {"type": "conv2d", "out_channels": 6, "kernel_size": 0},
        {"type": "conv2d", "out_channels": 6, "kernel_size": 5, "padding": "valid"},
        {"type": "conv2d", "out_channels": 6, "kernel_size": [5, 5, 5]},
        {"type": "conv2", "out_channels": 6, "kernel_size": 5},
        {"type": "conv2d", "out_channels": 6, "kernel_size": 5, "kernel": 5},
        {"type": "conv2d", "out_channels": True, "kernel_size": 5},
        {"type": "dropout", "p": 1.5},
        {"type": "relu", "activation": "rellu"},
        {"type": "linear", "out_features": 2, "init": {"weight": {"norml": [0, 1]}}},
        {"out_channels": 6},
    ],
)
def test_the_schema_and_the_reader_refuse_alike(layer: dict[str, Any], validator: Any) -> None:
    spec = {"input": [1, 32, 32], "layers": {"a": layer}}
    assert not validator.is_valid(spec)
    with pytest.raises(SpecError):
        archscope.read(json.dumps(spec))


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "conv2d", "out_channels": 6, "kernel_size": [5, 3], "padding": [1, 2, 3, 4], "activation": "relu"},
        {"type": "conv2d", "out_channels": 6, "kernel_size": 5, "padding": "same", "towers": ["a", "b"]},
        {"type": "max_pool2d", "kernel_size": 2, "stride": None, "group": "a/b"},
        {"type": "conv2d", "out_channels": 1, "kernel_size": 1, "init": {"weight": {"normal": [0, 1]}, "bias": 1}},
        {"type": "relu", "from": "input"},
        {"type": "conv2d", "out_channels": 1, "kernel_size": 1, "activation": {"type": "elu", "alpha": 2}},
        {"type": "reshape", "shape": [-1, 16]},
        {"type": "flatten", "caption": "Rolling out"},
    ],
)
def test_the_schema_and_the_reader_accept_alike(layer: dict[str, Any], validator: Any) -> None:
    spec = {"input": [1, 32, 32], "layers": {"a": layer}}
    assert list(validator.iter_errors(spec)) == []
    archscope.read(json.dumps(spec))
