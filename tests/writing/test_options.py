"""A law: whatever option of a layer is changed, source computes what is built with the same weights, or is refused."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from archscope.layers import TYPES
from archscope.writing.jax import write_jax
from tests.building.builder_cases import CASES
from tests.writing.jax_source import difference
from tests.writing.options import unlike, variations
from tests.writing.test_source import keras_says

TOGETHER: Final = {("fold", "stride"), ("fold", "dilation")}
"""Options of which none can be another alone: the columns that come in are of these windows."""


def test_every_option_that_is_declared_is_changed() -> None:
    tried = {(layer.type, name) for (layer, _), name in variations(Random(0))}
    assert {(type_, name) for type_ in TYPES for name in TYPES[type_].options} - tried <= TOGETHER


@pytest.mark.parametrize("seed", range(4))
def test_source_for_flax_computes_what_is_built_whatever_an_option_is(seed: int) -> None:
    random = Random(seed)
    cases = [*CASES, *(case for case, _ in variations(random))]
    assert [*unlike(random.sample(cases, 16), write_jax, difference, many=16)] == []


@pytest.mark.slow
def test_source_for_keras_computes_what_is_built_whatever_an_option_is() -> None:
    assert keras_says("options", "0", "60")[-1:] == ["60 tried"]
