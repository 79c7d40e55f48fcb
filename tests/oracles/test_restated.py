"""A spec that is written of a module or a file gives, with the same weights, the same outputs; else that is said."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
import torch
from flax import nnx

import archscope
from archscope.importing.jax.calling import call_module, described
from archscope.layers import TYPES
from archscope.network import Network
from archscope.opening import opened, request_for
from archscope.oracles import restated as checking
from archscope.oracles.jax_weights import laid
from archscope.oracles.restated import Outcome, restated
from archscope.tracing.calling import call_thing
from archscope.writing.onnx.file import write_onnx
from archscope.writing.stating import state
from tests.conftest import Run
from tests.tracing.reachable import state_of
from tests.tracing.strangers import Residual

Runs = Callable[..., Run]
MODULE = "tests.tracing.strangers:Residual@3,32,32"


def outcome(path: str, changed: dict[str, str] | None = None) -> Outcome | None:
    """Of what a person names; ``changed`` takes other activations for some in what was read."""
    network, module = opened(request_for(path))
    if changed:
        nodes = [node.replace(layer=TYPES[changed[node.name]]()) if node.name in changed else node
                 for node in network.nodes]  # fmt: skip
        network = network.replace(nodes=nodes)
    return restated(network, state(network), module)


def test_a_module_and_its_spec_give_the_same_output_with_the_same_weights() -> None:
    assert outcome(MODULE) == Outcome(True, "built with the same weights: the same output as the module")


def test_outputs_that_differ_are_said_with_the_place() -> None:
    # The activation is no submodule of that name; the pool behind it is.
    found = outcome(MODULE, {"stem.1.relu": "tanh"})
    assert found is not None
    assert found.same is False
    assert found.told.startswith("outputs differ: built with the same weights, ")
    assert found.told.endswith(" from the module, and first in `stem.3`")


def test_a_file_of_onnx_and_its_spec_give_the_same_output(tmp_path: Path) -> None:
    path = str(tmp_path / "net.onnx")
    write_onnx(archscope.load("lenet5-pytorch"), path)
    assert outcome(path) == Outcome(True, "built with the same weights: the same output as onnxruntime")
    wrong = outcome(path, {"conv2.relu": "sigmoid"})
    assert wrong is not None
    assert wrong.same is False
    assert "from onnxruntime" in wrong.told


class PositionsFirst(torch.nn.Module):
    """Attention and recurrence as PyTorch has them unless it is told otherwise: positions, then samples."""

    def __init__(self) -> None:
        super().__init__()
        self.look, self.recur = torch.nn.MultiheadAttention(8, 2), torch.nn.LSTM(8, 4)
        self.last = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.recur(self.look(x, x, x, need_weights=False)[0])[0])


def test_positions_before_samples_are_turned_to_be_compared() -> None:
    called = call_thing(PositionsFirst().eval(), [torch.randn(5, 2, 8)], {})
    found = restated(called.network, state(called.network), called)
    assert found == Outcome(True, "built with the same weights: the same output as the module")


def test_a_file_with_positions_before_samples_is_given_them_so(tmp_path: Path) -> None:
    path = str(tmp_path / "net.onnx")
    net = torch.nn.Sequential(torch.nn.LSTM(8, 4)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.randn(5, 2, 8),), path, dynamo=False)
    assert outcome(path) == Outcome(True, "built with the same weights: the same 3 outputs as onnxruntime")


@pytest.mark.parametrize("spec", ["lenet5-1998", "lecun1989"])
def test_layers_that_onnx_has_not_give_the_same_output_when_they_are_found_again(spec: str, tmp_path: Path) -> None:
    path = str(tmp_path / "net.onnx")
    write_onnx(archscope.load(spec), path)
    assert outcome(path) == Outcome(True, "built with the same weights: the same output as onnxruntime")


def test_an_input_has_the_name_that_the_file_gives_it(tmp_path: Path) -> None:
    path = str(tmp_path / "net.onnx")
    write_onnx(archscope.load("lenet5-pytorch"), path)
    model = onnx.load(path)
    for node in model.graph.node:
        node.input[:] = ["picture" if name == model.graph.input[0].name else name for name in node.input]
    model.graph.input[0].name = "picture"
    onnx.save(model, path)
    assert outcome(path) == Outcome(True, "built with the same weights: the same output as onnxruntime")


class Small(nnx.Module):
    """A kernel, and a matrix over what is flattened."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv, self.head = nnx.Conv(1, 2, (2, 2), padding="VALID", rngs=rngs), nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(jnp.tanh(self.conv(x)).reshape(x.shape[0], -1))


def of_jax(module: Any, shape: tuple[int, ...], changed: str = "tanh") -> Outcome | None:
    called = call_module(module, [described(shape)], {})
    nodes = [node.replace(layer=TYPES[changed]()) if node.layer.type == "tanh" else node
             for node in called.network.nodes]  # fmt: skip
    network = called.network.replace(nodes=tuple(nodes))
    return restated(network, state(network), called)


def test_a_module_of_jax_and_its_spec_give_the_same_output() -> None:
    same = Outcome(True, "built with the same weights: the same output as the module")
    assert of_jax(Small(nnx.Rngs(0)), (3, 3, 1)) == same
    assert of_jax(eqx.nn.Linear(4, 3, key=jax.random.key(0)), (4,)) == same
    wrong = of_jax(Small(nnx.Rngs(0)), (3, 3, 1), "sigmoid")
    assert wrong is not None
    assert wrong.same is False


def test_a_module_of_jax_whose_weights_are_not_copied_says_so() -> None:
    assert of_jax(nnx.eval_shape(lambda: Small(nnx.Rngs(0))), (3, 3, 1)) == Outcome(
        None, "the module has shapes and no values"
    )
    called = call_module(Small(nnx.Rngs(0)), [described((3, 3, 1))], {})
    assert laid(called, {"conv.kernel": np.zeros((2, 2, 1, 3))}, last=True) == ({}, "conv")


def drawn(module: Any) -> Any:
    """A module of Flax whose biases are no zeros, so that it is seen where they go."""
    draw = np.random.default_rng(0)
    state = jax.tree.map(
        lambda each: jnp.asarray(draw.normal(size=each.shape), each.dtype), nnx.state(module, nnx.Param)
    )
    nnx.update(module, state)
    return module


class Other(nnx.Module):
    """Attention of a value to itself whose values are another's."""

    def __init__(self) -> None:
        self.attention = nnx.MultiHeadAttention(2, 6, decode=False, rngs=nnx.Rngs(0))

    def __call__(self, x: Any, y: Any) -> Any:
        return self.attention(x, x, y)


@pytest.mark.parametrize(("make", "shapes"), [
    (lambda: drawn(nnx.MultiHeadAttention(2, 6, 8, decode=False, rngs=nnx.Rngs(0))), [(3, 6), (4, 6)]),
    (lambda: drawn(Other()), [(3, 6), (3, 6)]),
    (lambda: eqx.nn.MultiheadAttention(2, 6, key_size=5, value_size=4, use_query_bias=True, use_key_bias=True,
                                       use_value_bias=True, use_output_bias=True, key=jax.random.key(0)),
     [(3, 6), (4, 5), (4, 4)]),
    (lambda: drawn(nnx.ConvTranspose(2, 3, (3, 2), strides=(2, 1), rngs=nnx.Rngs(0))), [(3, 4, 2)]),
    (lambda: eqx.nn.ConvTranspose2d(4, 6, (3, 2), 2, padding=1, groups=2, key=jax.random.key(0)), [(4, 3, 4)]),
    (lambda: drawn(nnx.LinearGeneral(4, (2, 2), rngs=nnx.Rngs(0))), [(3, 4)]),
], ids=["wide heads", "other values", "Equinox", "transposed", "transposed in groups", "axes"])  # fmt: skip
def test_weights_of_jax_that_lie_otherwise_are_laid_as_pytorch_has_them(
    make: Callable[[], Any], shapes: list[tuple[int, ...]]
) -> None:
    called = call_module(make(), [described(each) for each in shapes], {})
    assert restated(called.network, state(called.network), called) == Outcome(
        True, "built with the same weights: the same output as the module"
    )


class Steps(torch.nn.Module):
    """A recurrence, and a square matrix behind it, which nothing but its values tells from itself turned."""

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__()
        self.steps = getattr(torch.nn, kind)(3, 4, batch_first=True, **options)
        width = 8 if options.get("bidirectional") else 4
        self.out = torch.nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.steps(x)[0])


@pytest.mark.parametrize(("kind", "options"), [
    ("GRU", {}), ("GRU", {"bidirectional": True}), ("LSTM", {"num_layers": 2}), ("LSTM", {"bias": False}), ("RNN", {}),
], ids=str)  # fmt: skip
def test_weights_of_recurrence_in_onnx_have_their_gates_in_pytorchs_order(
    kind: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "net.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Steps(kind, **options).eval(), (torch.zeros(1, 5, 3),), path, dynamo=False)
    assert outcome(path) == Outcome(True, "built with the same weights: the same output as onnxruntime")


def test_an_exported_program_and_its_spec_give_the_same_output(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(net, (torch.zeros(1, 3, 8, 8),)), tmp_path / "net.pt2")
        found = outcome(str(tmp_path / "net.pt2"))
    assert found is not None
    assert found.same is True, found.told


_KEPT = Residual().train()


def kept() -> torch.nn.Module:
    """A factory that gives a module which its owner keeps."""
    return _KEPT


def test_a_module_that_its_owner_keeps_is_not_touched() -> None:
    before = state_of(_KEPT)
    assert outcome(f"{__name__}:kept@3,32,32") == Outcome(
        True, "built with the same weights: the same output as the module"
    )
    assert state_of(_KEPT) == before


def test_a_spec_has_no_weights_to_copy_and_a_configuration_of_keras_none(tmp_path: Path) -> None:
    assert outcome("lenet5") is None
    network = archscope.load("lenet5-pytorch").replace(path=str(tmp_path / "net.keras"))
    (tmp_path / "net.keras").write_text('{"class_name": "Functional"}')
    assert restated(network, state(network), None) == Outcome(None, "a configuration alone has no weights")


def test_what_is_too_large_is_not_run_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_BYTES", 4 * 5_709)
    assert outcome(MODULE) == Outcome(None, "5,710 parameters are more than are run unasked")


def test_each_node_knows_what_it_is_called_in_the_spec() -> None:
    network = archscope.load("lenet5")
    odd: Network = network.replace(
        nodes=[node.replace(name=f"0.{node.name}", row=f"0.{node.row}", group=(),
                            inputs=tuple(ref if ref.node == "input" else ref.replace(node=f"0.{ref.node}")
                                         for ref in node.inputs)) for node in network.nodes],
        outputs=(network.outputs[0].replace(node=f"0.{network.outputs[0].node}"),), facts={},
        published=(), figure={}, groups={},
    )  # fmt: skip
    assert state(odd).names["0.C1"] == "layer0.C1"


def test_the_command_says_so_and_leaves_with_1_where_outputs_differ(
    archscope_run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = archscope_run("spec", MODULE)
    assert (run.status, run.err.splitlines()[-1]) == (
        0, "built with the same weights: the same output as the module",
    )  # fmt: skip
    monkeypatch.setattr(checking, "restated", lambda *_: Outcome(False, "outputs differ: 1 of 2 from the module"))
    run = archscope_run("spec", MODULE)
    assert (run.status, run.err.splitlines()[-1]) == (1, "outputs differ: 1 of 2 from the module")
