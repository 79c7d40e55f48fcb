"""The JSON Schema says what the reader does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import archscope
from archscope.errors import SpecError
from archscope.layers import TYPES
from archscope.reader import specs_folder
from archscope.reader.schema import json_schema, write_schema
from tests.test_mistakes import BROKEN

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


BEYOND = {
    "shape-mismatch": "shapes are worked out", "unknown-layer": "names stand elsewhere in the file",
    "unknown-output": "names stand elsewhere in the file", "unknown-source": "names stand elsewhere in the file",
    "unknown-type": "a block's name stands elsewhere in the file", "wrong-expression": "expressions are worked out",
    "unused": "uses stand elsewhere in the file", "cycle": "what reads what is followed",
    "block-cycle": "what reads what is followed", "dead-end": "what reads what is followed",
    "wrong-inputs": "the inputs of a block stand elsewhere", "small-vocabulary": "two numbers are compared",
    "token-numbers": "what reads what is followed", "too-many-layers": "copies are counted",
    "duplicate-key": "of two equal keys JSON has one", "duplicate-name": "names are compared",
}  # fmt: skip
"""Kinds of mistakes that no schema sees, and why."""
BEYOND_TOO = {
    "block-column-count": "two lengths are compared", "block-each-count": "two lengths are compared",
    "block-empty-entry": "entries of lists are looked up", "block-too-deep": "a chain of blocks is followed",
    "block-first-unknown": "the options of a block stand elsewhere",
    "block-missing-option": "the options of a block stand elsewhere",
    "block-option-without-name": "the options of a block stand elsewhere",
    "block-repeat-as-times": "the options of a block stand elsewhere",
    "block-variant-typo-layer": "a variant is laid over lines that stand elsewhere",
    "block-wrong-option": "the options of a block stand elsewhere",
    "block-names": "the options of a block stand elsewhere",
    "published-change": "the options of a layer stand elsewhere",
    "connection-options-together": "two options are compared", "table-of-the-wrong-size": "two lengths are compared",
    "too-many-inputs": "values are counted", "more-than-any-memory": "values are counted",
    "two-inputs": "how many inputs there are stands elsewhere",
}  # fmt: skip
"""Other mistakes that no schema sees, and why."""


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_wrong_in_itself_is_refused_by_the_schema_too(path: Path, validator: Any) -> None:
    with pytest.raises(SpecError) as caught:
        archscope.load(path)
    kinds = {each.name for each in caught.value.diagnostics}
    try:
        data = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError):
        return  # no YAML, which an editor says by itself
    accepted = validator.is_valid(data)
    told = "the schema refuses what is in BEYOND_TOO" if not accepted else "refuse it, or say in BEYOND_TOO why not"
    assert accepted == (path.stem in BEYOND_TOO) or kinds <= BEYOND.keys(), told


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
