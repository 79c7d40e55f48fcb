"""Random and mutated YAML: the reader answers with a network or with diagnostics, and with nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archscope
from archscope.diagnostics import Diagnostic
from archscope.errors import NotFound, SpecError
from archscope.layers import TYPES
from archscope.reader import spec_names, specs_folder

SPECS = [path.read_text(encoding="utf-8") for path in sorted(specs_folder().glob("*.yaml"))]
WORDS = ["block", "$in", "$d//2", "$d", "repeat", "when", "changes", "first", "c", "type", "from", "conv2d", "C1"]
WORDS += ["input", "layers", "activation", "relu", "published", "same", *TYPES]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 9),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(WORDS),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
layers = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "1x", "input"]),
    st.fixed_dictionaries(
        {"type": st.sampled_from([*TYPES, "block", "other", "$d"]) | scalars},
        optional={
            "from": st.sampled_from(["a", "b", "c", "input"]) | values,
            "out_channels": values,
            "kernel_size": values,
            "stride": values,
            "padding": values,
            "activation": st.sampled_from(["relu", "prelu"]) | values,
            "towers": values,
            "shares": scalars,
            "init": values,
            "group": scalars,
            "out_features": st.integers(1, 4),
            "hidden_size": st.integers(1, 4),
            "num_heads": st.integers(1, 4),
            "repeat": st.integers(0, 3) | values,
            "when": st.sampled_from(["changes", "fits", True]) | values,
            "rows": values,
            "each": values,
            "title": scalars,
            "output_size": st.integers(1, 4),
        },
    )
    | values,
    max_size=5,
)
blocks = st.dictionaries(
    st.sampled_from(["block", "other"]),
    st.fixed_dictionaries(
        {"layers": layers}, optional={"options": values, "inputs": values, "outputs": values, "summary": scalars}
    )
    | values,
)
specs = st.fixed_dictionaries(
    {"input": st.lists(st.integers(1, 9), min_size=1, max_size=4) | values, "layers": layers | values},
    optional=dict.fromkeys(("published", "sources", "init", "output", "training", "title", "name"), values)
    | {"blocks": blocks | values, "let": st.dictionaries(st.just("d"), values), "variants": values, "titles": values},
)
patient = settings(max_examples=80, suppress_health_check=list(HealthCheck))


def answers(text: str) -> bool:
    """Read a text; whether it is a network. Anything but a network or diagnostics fails the test."""
    diagnostics: tuple[Diagnostic, ...] = ()
    try:
        network = archscope.read(text)
    except SpecError as error:
        diagnostics = error.diagnostics
    except NotFound as error:  # a family, and no member of it is named
        if "is a family of networks" not in str(error):
            raise
        return False
    else:
        assert archscope.analyze(network).totals.parameters >= 0
        return True
    assert diagnostics
    assert all(str(each).startswith(f"error[{each.name}]: ") for each in diagnostics)
    return False


@patient
@given(specs)
def test_any_document_of_the_right_outline_is_answered(spec: dict[str, Any]) -> None:
    answers(json.dumps(spec))


@patient
@given(values)
def test_any_document_is_answered(value: Any) -> None:
    answers(json.dumps(value))


@patient
@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    answers(text)


@patient
@given(st.sampled_from(SPECS), st.data())
def test_a_spec_with_a_stretch_changed_is_answered(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 40)))
    answers(text[:start] + data.draw(st.text(max_size=12) | st.sampled_from(WORDS)) + text[stop:])


@patient
@given(st.sampled_from(SPECS), st.randoms(use_true_random=False))
def test_a_spec_with_its_lines_shuffled_is_answered(text: str, random: Any) -> None:
    lines = text.splitlines()
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    answers("\n".join(lines))


@settings(patient, max_examples=60)
@given(st.binary(max_size=120))
def test_any_file_is_answered(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "net.yaml"
    path.write_bytes(content)
    with contextlib.suppress(SpecError):
        archscope.load(path)


def test_the_shipped_specs_are_networks() -> None:
    assert all(archscope.load(name).nodes for name in spec_names(variants=True))
