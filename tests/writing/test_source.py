"""Source that archscope prints runs by itself and is the network."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

import archscope
from archscope import escaping
from archscope.layers import TYPES, Shape
from archscope.network import Network, Node, Ref
from archscope.writing import listing
from archscope.writing.jax import write_jax
from archscope.writing.keras import write_keras
from archscope.writing.pytorch import write_pytorch
from tests.building.builder_cases import CASES, Case, name_of
from tests.collection import thin


def executed(source: str, name: str) -> nn.Module:
    module = ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
    *_, made = [each for each in vars(module).values()
                if isinstance(each, type) and issubclass(each, nn.Module) and each.__module__ == name]  # fmt: skip
    return made()


def copied(source: nn.Module, target: nn.Module) -> None:
    """Give a module the weights of another by name, whether parts are joined by dots or underscores."""
    weights = {name.replace(".", "_"): value for name, value in source.state_dict().items()}
    into = target.state_dict()
    there = {weights[mine].data_ptr() for name in into if (mine := name.replace(".", "_")) in weights}
    # A layer that is run again has no second name in the source.
    again = {name for name, value in weights.items() if value.data_ptr() in there} - {
        name.replace(".", "_") for name in into
    }
    weights = {name: value for name, value in weights.items() if name not in again}
    assert {re.sub(r"\.", "_", name): tuple(value.shape) for name, value in into.items()} == {
        name: tuple(value.shape) for name, value in weights.items()
    }
    target.load_state_dict({name: weights[name.replace(".", "_")] for name in into})


def assert_the_same(network: Network, *, starts: bool = False) -> str:
    torch.manual_seed(0)
    built = archscope.build(network).eval()
    source = write_pytorch(network)
    assert "archscope" not in source
    model = executed(source, network.name).eval()
    assert len(re.findall("^class ", source, re.MULTILINE)) >= 1
    trained = [sum(each.numel() for each in either.parameters()) for either in (built, model)]
    assert trained[0] == trained[1] == network_parameters(network)
    if starts:
        assert_it_starts_alike(built, model)
    copied(built, model)
    example = built.example_inputs(2)
    expected, got = built(*example), model(*example)
    for one, other in zip(*(each if isinstance(each, tuple) else (each,) for each in (expected, got)), strict=True):
        assert torch.allclose(one, other, atol=1e-5, rtol=1e-5, equal_nan=True)
    return source


def network_parameters(network: Network) -> int:
    return int(archscope.analyze(network).totals.parameters)


def _spread(weight: torch.Tensor) -> float:
    """How far values start from 0: the largest of them, or the deviation of values without a bound."""
    return float(weight.std()) if weight.numel() > 100_000 else float(weight.abs().max())


def assert_it_starts_alike(built: nn.Module, model: nn.Module) -> None:
    ours = {path.replace(".", "_"): weight for path, weight in built.named_parameters()}
    theirs = {path.replace(".", "_"): weight for path, weight in model.named_parameters()}
    assert ours.keys() == theirs.keys()
    for path, weight in ours.items():
        assert _spread(theirs[path].detach()) == pytest.approx(_spread(weight.detach()), rel=0.3), path


@pytest.mark.parametrize("name", archscope.reader.spec_names())
def test_the_source_of_a_spec_is_the_built_module_and_starts_weights_as_it_does(name: str) -> None:
    assert_the_same(thin(name), starts=True)


def single(case: Case) -> Network:
    layer, shapes = case
    inputs = {f"input{number}" if number else "input": shape for number, shape in enumerate(shapes)}
    # A network has an input, also where its one layer reads none.
    unread: dict[str, Shape] = {} if inputs else {"input": (3,)}
    refs = tuple(Ref(name) for name in inputs)
    outputs = tuple(Ref("layer", each) for each in range(len(layer.output_names)))
    return Network("single", inputs or unread, [Node("layer", layer, refs, "layer")], outputs)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_source_of_every_layer_type_is_the_built_layer(case: Case) -> None:
    network: Any = single(case)
    assert_the_same(network)


TIED = [
    Node("words", TYPES["embedding"](num_embeddings=20, embedding_dim=4), (Ref("tokens"),), "words"),
    Node("head", TYPES["linear"](out_features=20), (Ref("words"),), "head", shares="words"),
]


def test_a_head_has_the_matrix_of_its_embedding_in_the_source_too() -> None:
    source = assert_the_same(Network("tied", {"tokens": (6,)}, TIED))
    assert "self.head.weight = self.words.weight" in source


def test_a_layer_that_runs_twice_is_made_once() -> None:
    nodes = [
        Node("a", TYPES["linear"](out_features=4), (Ref("input"),), "a"),
        Node("b", TYPES["linear"](out_features=4), (Ref("a"),), "b", shares="a"),
    ]
    assert write_pytorch(Network("twice", {"input": (4,)}, nodes)).count("nn.Linear") == 1


@pytest.mark.parametrize("activation", ["tanh", None])
@pytest.mark.parametrize("table", ["", ", connection_table: [[0, 1], [1]]"])
def test_biases_that_no_units_share_are_those_of_the_layer_whose_weights_another_has(
    table: str, activation: str | None
) -> None:
    conv = f"type: conv2d, out_channels: 2, kernel_size: 3, padding: 1, untie_biases: true{table}"
    own = f", activation: {activation}" if activation else ""
    network = archscope.read(f"input: [2, 5, 6]\nlayers:\n  a: {{{conv}}}\n  b: {{{conv}{own}, shares: a}}\n")
    # A kernel for each pair of maps, and a bias for each of 2·5·6 units, once.
    assert network_parameters(network) == 9 * (3 if table else 4) + 2 * 5 * 6
    assert_the_same(network)


CONV = "type: conv2d, out_channels: 2, kernel_size: 3, padding: 1"
TABLE = f"{CONV}, connection_table: [[0, 1], [1]]"


@pytest.mark.parametrize(("layer", "other"), [
    (CONV, f"{CONV}, dilation: 2"),
    (f"{CONV}, untie_biases: true", f"{CONV.replace('1', '2')}, dilation: 2, untie_biases: true"),
    (TABLE, f"{TABLE}, dilation: 2"), ("type: batch_norm", "type: batch_norm, eps: 0.3"),
    ("type: subsampling, kernel_size: 2, stride: 1", "type: subsampling, kernel_size: 2, stride: 2"),
])  # fmt: skip
def test_a_layer_that_runs_otherwise_has_the_weights_of_another_and_not_its_options(layer: str, other: str) -> None:
    assert_the_same(archscope.read(f"input: [2, 7, 8]\nlayers:\n  a: {{{layer}}}\n  b: {{{other}, shares: a}}\n"))


def test_a_block_that_runs_otherwise_has_the_weights_of_another_and_not_its_options() -> None:
    assert_the_same(
        archscope.read(f"""
        input: [2, 7, 8]
        blocks:
          step: {{options: {{s: }}, layers: {{c: {{{CONV.replace("1", "2")}, stride: $s}}, n: {{type: tanh}}}}}}
        layers:
          a: {{type: step, s: 1}}
          b: {{type: step, s: 2, shares: a}}
        """)
    )


def test_a_keras_layer_is_not_run_with_the_options_of_another() -> None:
    from archscope.errors import UsageError
    from archscope.writing.keras import write_keras

    text = f"input: [2, 7, 8]\nlayers:\n  a: {{{CONV}}}\n  b: {{{CONV}, stride: 2, shares: a}}\n"
    with pytest.raises(UsageError, match=r"`b` .* cannot be written in Keras: .* the weights of `a`"):
        write_keras(archscope.read(text))
    half = "type: subsampling, kernel_size: 2"
    text = f"input: [2, 8, 8]\nlayers:\n  a: {{{half}, stride: 1}}\n  b: {{{half}, stride: 2, shares: a}}\n"
    source = write_keras(archscope.read(text))
    assert source.count("add_weight") == 2
    assert "self.a_weight, self.a_bias, (2, 2), (2, 2))" in source


@pytest.mark.parametrize("bias", [False, True])
def test_a_head_is_a_product_with_its_embedding_in_keras(bias: bool) -> None:
    from archscope.writing.keras import write_keras

    head = Node("head", TYPES["linear"](out_features=20, bias=bias), (Ref("words"),), "head", shares="words")
    source = write_keras(Network("tied", {"tokens": (6,)}, [TIED[0], head]))
    assert "ops.transpose(self.words.embeddings))" in source
    assert ("self.head_bias" in source) is bias


def test_kernels_over_a_table_start_by_the_inputs_of_their_own_output_map() -> None:
    torch.manual_seed(0)
    model = executed(write_pytorch(archscope.load("lenet5")), "lenet5")
    table: Any = model.C3_table
    for row, kernels in zip(table, model.C3_weight.split([len(row) for row in table]), strict=True):
        reach = 2.4 / (25 * len(row))
        assert 0.8 * reach < float(kernels.detach().abs().max()) <= reach


def test_axes_that_a_reshape_leaves_are_not_numbers_in_the_source() -> None:
    # Heads of 32·128 and their join, of any length; a vector that becomes maps has no axis that stays.
    text = write_pytorch(archscope.load("mixtral"))
    assert "x.unflatten(2, (32, 128))" in text
    assert "x.flatten(2)" in text
    assert "32768" not in text
    assert "x.reshape(-1, 1024, 4, 4)" in write_pytorch(archscope.load("dcgan@generator"))


def test_a_weight_of_its_own_takes_the_width_of_its_block() -> None:
    text = write_pytorch(archscope.load("convnext@T"))
    assert "self.gamma_weight = nn.Parameter(torch.empty(in_channels, 1, 1))" in text
    assert "*(Block(384, 1536) for _ in range(9))," in text


def test_a_recurrent_layer_whose_states_nobody_reads_is_run_as_it_is() -> None:
    assert "x = self.lstm(x)\n" in write_pytorch(archscope.load("lstm-lm@small"))


def test_lines_of_the_source_are_at_most_100_characters() -> None:
    for name in archscope.reader.spec_names():
        for line in write_pytorch(archscope.load(name)).splitlines():
            assert len(line) <= 100, line


def keras_says(*names: str) -> list[str]:
    """What a process of its own, where Keras runs on PyTorch, prints of specs or of every layer type."""
    import os
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "tests.writing.keras_runner", *names], capture_output=True, text=True,
                          env={**os.environ, "KERAS_BACKEND": "torch"}, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


SMALL = {
    "alexnet": "3,67,67", "convnext@T": "3,32,32", "densenet@121": "3,32,32",
    "efficientnet-b0": "3,32,32", "inception-v3": "3,75,75", "mobilenet-v2": "3,32,32", "mobilenet-v3@large": "3,32,32",
    "resnet@18": "3,32,32", "shufflenet-v1@g3": "3,64,64", "shufflenet-v2@1.0": "3,64,64", "squeezenet@1.0": "3,35,35",
    "unet": "1,188,188", "vgg@A": "3,32,32", "zfnet": "3,67,67",
}  # fmt: skip
"""As small an input as a network of many images takes."""
LIKE = {"alexnet-keras", "alexnet-pytorch"}
"""The layers of these are in other models of their family."""
TRIED = [f"{name}:{SMALL[name]}" if name in SMALL else name
         for name in archscope.reader.spec_names() if name not in LIKE]  # fmt: skip
TRIED += ["dcgan@discriminator", "resnet@50:3,32,32"]


@pytest.mark.slow
def test_the_keras_source_of_a_member_of_every_family_is_the_built_module() -> None:
    for line in keras_says(*TRIED)[-len(TRIED) :]:
        name, ours, theirs, apart = line.split()
        assert ours == theirs, name
        assert float(apart) < 1e-4, line


@pytest.mark.slow
def test_the_keras_source_of_every_layer_type_is_the_built_layer_or_says_why_there_is_none() -> None:
    lines = keras_says("layers")[-len(CASES) :]
    assert len(lines) == len(CASES)
    for line in lines:
        name, ours, *rest = line.split()
        if ours != "cannot:":
            assert ours == rest[0], name
            assert float(rest[1]) < 1e-5, line


def test_a_layer_that_keras_cannot_express_is_named() -> None:
    from archscope.layers import Fold
    from archscope.writing.keras import write_keras

    fold = Fold(output_size=4, kernel_size=2, stride=2)
    network = Network("columns", {"input": (12, 4)}, [Node("back", fold, (Ref("input"),), "back")])
    with pytest.raises(archscope.UsageError, match=r"`back` \(fold\) cannot .* in Keras: nothing there adds up"):
        write_keras(network)


def test_every_layer_type_has_a_form_in_keras_or_a_reason_of_its_own() -> None:
    from archscope.writing.keras import FORMS

    assert set(FORMS) == set(TYPES)


NAMES = ("code", "double", "half", "type", "return", "None", "forward", "state_dict", "float", "over_table", "attend",
         "batch", "x", "layers", "self", "nn", "_apply", "__debug__", "super", "block", "print")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_may_have_any_name_that_python_or_a_framework_has_already(name: str) -> None:
    from archscope.writing.keras import write_keras

    line = f"  '{name}': {{type: conv2d, out_channels: 3, kernel_size: 3}}"
    both = f"  sum: {{type: add, from: ['{name}', '{name}']}}"
    network = archscope.reader.read(f"input: [3, 8, 8]\nlayers:\n{line}\n{both}\n  last: {{type: flatten}}\n")
    built = archscope.build(network).eval()
    model = executed(write_pytorch(network), network.name).eval()
    for mine, theirs in zip(built.parameters(), model.parameters(), strict=True):
        theirs.data.copy_(mine.data)
    example = torch.rand(1, 3, 8, 8)
    assert torch.equal(built(example), model(example))
    assert torch.equal(torch.export.export(built, (example,)).module()(example), model(example))
    compile(write_keras(network), name, "exec")


def test_names_that_are_taken_are_those_of_the_frameworks_and_of_our_own_methods() -> None:
    from archscope.building.taken import TAKEN
    from archscope.writing import jax_functions, keras, listing, pytorch, pytorch_historic, pytorch_sequences

    own = {*pytorch._METHODS, *pytorch_historic.METHODS, *pytorch_sequences.METHODS, *keras.ALL_METHODS,
           *jax_functions.METHODS}  # fmt: skip
    assert own == listing._METHODS
    # Packages that other tests import hang methods of theirs on PyTorch's class.
    module = nn.Module()
    names = [name for name in dir(module) if not name.startswith("__")]
    assert {
        name for name in names if getattr(getattr(module, name), "__module__", "torch").startswith("torch")
    } <= TAKEN


@pytest.mark.parametrize("scheme", ["kaiming_normal", "xavier_uniform", "{uniform_fan_in: 2.4}"])
@pytest.mark.parametrize("options", ["", ", groups: 4", ", padding: [1, 0, 0, 1]"])
def test_a_transposed_convolution_starts_in_the_source_as_it_does_where_it_is_built(scheme: str, options: str) -> None:
    network = archscope.reader.read(
        "input: [64, 8, 8]\nlayers:\n"
        f"  up: {{type: conv_transpose2d, out_channels: 16, kernel_size: 3{options}, init: {{weight: {scheme}}}}}\n"
    )
    torch.manual_seed(0)
    model: Any = executed(write_pytorch(network), "up")
    built = archscope.build(network).node("up")
    assert float(model.up.weight.detach().std()) == pytest.approx(float(built.weight.detach().std()), rel=0.05)


@pytest.mark.parametrize("write", [write_pytorch, write_keras, write_jax])
def test_nothing_is_searched_for_garbage_while_source_is_made(
    write: Callable[[Network], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[bool] = []
    said = escaping.python_docstring
    monkeypatch.setattr(listing, "python_docstring", lambda lines: searched.append(gc.isenabled()) or said(lines))
    assert write(archscope.load("lenet5-pytorch"))
    assert {*searched} == {False}
    assert gc.isenabled()
