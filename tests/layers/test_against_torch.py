"""Every layer type against PyTorch's own module of the same configuration: shapes, weights, multiply-accumulates."""

from __future__ import annotations

import math

import pytest

from archscope.layers import TYPES
from tests.layers.layer_case import Case, name_of
from tests.layers.test_layers import CASES

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from tests.layers.torch_layers import (  # noqa: E402
    MODULES,
    WITHOUT,
    inputs_of,
    module_of,
    tensors_in,
)
from tests.layers.torch_modules import Shifted  # noqa: E402
from tests.layers.torch_products import SPELLED_OUT  # noqa: E402

every_case = pytest.mark.parametrize("row", CASES, ids=name_of)


def test_every_type_is_compared_or_pytorch_has_none() -> None:
    assert set(MODULES) | set(WITHOUT) == set(TYPES)
    assert not set(MODULES) & set(WITHOUT)


@every_case
def test_pytorch_makes_the_same_shapes(row: Case) -> None:
    outputs = tensors_in(module_of(row)(*inputs_of(row)))
    # The last states of a recurrent layer have the batch as their second axis.
    shapes = [tuple(each.shape) for each in outputs]
    if row.type not in ("rnn", "lstm", "gru"):
        assert [(2, *shape) for shape in row.outputs] == shapes
        return
    main, states = shapes[:1], shapes[1:]
    assert [(2, *map(int, row.outputs[0]))] == main
    assert [(shape[0], 2, *shape[1:]) for shape in row.outputs[1:]] == states


@every_case
def test_pytorch_holds_as_many_values(row: Case) -> None:
    module, facts = module_of(row), row.layer.facts(*row.inputs)
    assert sum(each.numel() for each in module.parameters()) == facts.parameters
    held = [each for name, each in module.named_buffers() if not name.endswith("num_batches_tracked")]
    assert sum(each.numel() for each in held) == facts.fixed


@every_case
def test_pytorch_names_and_shapes_the_weights_alike(row: Case) -> None:
    module, facts = module_of(row), row.layer.facts(*row.inputs)
    named = [*module.named_parameters(), *module.named_buffers()]
    theirs = {name.removeprefix("inner."): tuple(each.shape) for name, each in named if "batches" not in name}
    assert {weight.name: tuple(map(int, weight.shape)) for weight in facts.weights} == theirs


@every_case
def test_pytorch_counts_twice_as_many_floating_point_operations_as_macs(row: Case) -> None:
    module, given = module_of(row), inputs_of(row)
    with FlopCounterMode(display=False) as counter:
        SPELLED_OUT.get(row.type, lambda module, *given: module(*given))(module, *given)
    assert counter.get_total_flops() == 2 * 2 * row.layer.facts(*row.inputs).macs  # a batch of 2, 2 a MAC


WEIGHT_SHARING = {
    **{f"conv{n}d": lambda row: row.outputs[0][1:] for n in (1, 2, 3)},
    "linear": lambda row: row.inputs[0][:-1],
    "bilinear": lambda row: row.inputs[0][:-1],
    **{name: lambda row: row.inputs[0][:1] for name in ("rnn", "lstm", "gru")},
    **{f"{name}_cell": lambda row: () for name in ("rnn", "lstm", "gru")},
}
"""The places at which each value of PyTorch's weights is used, for types that use all of them at every place."""


@pytest.mark.parametrize("row", [row for row in CASES if row.type in WEIGHT_SHARING], ids=name_of)
def test_connections_are_pytorchs_weights_once_for_every_place_they_are_used_at(row: Case) -> None:
    module = module_of(row)
    if isinstance(module, Shifted):
        pytest.skip("its biases are used once each, and its kernels at every place")
    values = sum(each.numel() for each in module.parameters())
    assert row.layer.facts(*row.inputs).connections == values * math.prod(WEIGHT_SHARING[row.type](row))
