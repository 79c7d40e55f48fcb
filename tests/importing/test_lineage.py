"""A module exported to a file counts what it counted itself, or the file's origin says what is otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope import analyze, trace
from archscope.memory import after_forward
from archscope.opening import open_network
from archscope.oracles.restated import restated
from archscope.writing.onnx.file import write_onnx
from archscope.writing.stating import state
from tests.importing.test_onnx import exported, varied


class Calls(nn.Module):
    """A function of some modules."""

    def __init__(self, function: Callable[..., Any], *inputs: Tensor, **modules: nn.Module) -> None:
        super().__init__()
        self.function, self.inputs = function, inputs
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *given: Tensor) -> Any:
        return self.function(self, *given)


def attention(**options: Any) -> nn.Module:
    return nn.MultiheadAttention(12, 3, batch_first=True, **options)


def causal(self: Any, x: Tensor) -> Tensor:
    mask = torch.triu(torch.full((x.shape[1], x.shape[1]), float("-inf")), 1)
    return self.a(x, x, x, attn_mask=mask, need_weights=False)[0]


X, TOKENS, PICTURE = torch.randn(1, 5, 12), torch.zeros(1, 5, dtype=torch.long), torch.randn(1, 3, 16, 16)
LONG = torch.randn(1, 70, 12)
EQUAL: dict[str, Callable[[], Calls]] = {
    "a mask": lambda: Calls(causal, X, a=attention()),
    "a large mask": lambda: Calls(causal, LONG, a=attention()),
    "a mask that hides": lambda: Calls(lambda s, x, hides: s.a(x, x, x, key_padding_mask=hides)[0], X,
                                       torch.zeros(1, 5, dtype=torch.bool), a=attention()),
    "positions that are learned": lambda: Calls(lambda s, x: s.a(x, x, x)[0], X,
                                                a=attention(add_bias_kv=True, add_zero_attn=True)),
    "called twice": lambda: Calls(lambda s, x: s.a(s.a(x, x, x)[0], x, x)[0], X, a=attention()),
    "a tied table": lambda: Calls(lambda s, x: F.linear(s.e(x), s.e.weight), TOKENS, e=nn.Embedding(20, 6)),
    "a module twice": lambda: Calls(lambda s, x: s.a(F.relu(s.a(x))), X, a=nn.Linear(12, 12)),
    "two directions": lambda: Calls(lambda s, x: s.a(x)[0], X,
                                    a=nn.LSTM(12, 6, 2, bidirectional=True, batch_first=True)),
    "gates": lambda: Calls(lambda s, x: s.a(x)[0], X, a=nn.GRU(12, 6, batch_first=True)),
    "transposed": lambda: Calls(lambda s, x: s.a(x), PICTURE, a=nn.ConvTranspose2d(3, 4, 3, 2, output_padding=1)),
    "norms": lambda: Calls(lambda s, x: s.a(x), PICTURE, a=nn.Sequential(
        nn.GroupNorm(3, 3), nn.InstanceNorm2d(3, affine=True), nn.Conv2d(3, 6, 3, groups=3), nn.LayerNorm([14, 14]))),
    "windows": lambda: Calls(lambda s, x: s.a(x), PICTURE, a=nn.Sequential(
        nn.ReflectionPad2d(2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(3, 4, 3), nn.PixelShuffle(2),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), nn.AdaptiveAvgPool2d(1))),
    "a gate": lambda: Calls(lambda s, x: s.a(x), X, a=nn.Sequential(nn.Linear(12, 8), nn.GLU(), nn.PReLU())),
    "sums of products": lambda: Calls(lambda s, x: torch.einsum("bnc,bmc->bnm", s.a(x), x), X, a=nn.Linear(12, 12)),
}  # fmt: skip


@pytest.mark.parametrize("settings", [{"dynamo": True}, {"dynamo": True, "optimize": False}, {"dynamo": False}])
@pytest.mark.parametrize(("module", "given"), [
    (lambda: nn.GroupNorm(2, 4), torch.randn(1, 4, 3, 3)),
    (lambda: nn.GroupNorm(1, 4), torch.randn(2, 4, 5)),
    (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(12, 4)), X),
    (lambda: Calls(lambda s, x: torch.cat(s.a(x).chunk(2, -1), 1), a=nn.Linear(12, 4)), X),
    (lambda: Calls(lambda s, x: sum(each.sum() for each in s.a(x).split([1, 3], -1)), a=nn.Linear(12, 4)), X),
])  # fmt: skip
def test_connections_of_a_file_are_those_of_its_module(
    module: Callable[[], nn.Module], given: Tensor, settings: dict[str, bool], tmp_path: Path
) -> None:
    made = varied(module())
    network = open_network(exported(made, (given,), tmp_path / "net.onnx", **settings))
    ours, theirs = (analyze(each).totals for each in (network, trace(made, given)))
    assert ours.connections == theirs.connections is not None
    assert ours.macs == theirs.macs


def test_first_states_that_are_learned_are_weights_of_their_layer_where_they_are_spread_over_samples(
    tmp_path: Path,
) -> None:
    """Its connections are not covered: 12 numbers of each state have one, and stand in no row of their own."""

    def call(self: Any, x: Tensor) -> Tensor:
        return self.a(x, (self.h.expand(1, 2, 6).contiguous(), self.h.expand(1, 2, 6).contiguous()))[0]

    module = Calls(call, torch.randn(2, 5, 12), a=nn.LSTM(12, 6, batch_first=True))
    module.h = nn.Parameter(torch.rand(1, 1, 6))
    network = open_network(exported(module, module.inputs, tmp_path / "net.onnx", dynamo=False))
    totals = analyze(network).totals
    assert totals.parameters == 24 * (12 + 6 + 2) + 6
    assert totals.connections is None
    assert not network.observed.unused


def numbers(network: Any) -> tuple[int, int]:
    totals = analyze(network).totals
    assert totals.macs is not None
    return int(totals.parameters), int(totals.macs)


class All(nn.Module):
    """All of them beside each other: PyTorch's exporter takes its time for each file."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(make() for make in EQUAL.values())
        self.inputs = tuple(given for part in self.parts for given in part.inputs)

    def forward(self, *given: Tensor) -> Any:
        left = iter(given)
        return [part(*(next(left) for _ in part.inputs)) for part in self.parts]


def test_files_count_what_their_module_counts(tmp_path: Path) -> None:
    module = varied(All())
    wanted = [numbers(trace(part, *part.inputs)) for part in module.parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of how its recurrent modules keep their weights
        program = torch.export.export(module.eval(), module.inputs)  # as its exporter to ONNX begins, too
        torch.export.save(program, tmp_path / "net.pt2")
        torch.onnx.export(program, f=(path := str(tmp_path / "net.onnx")), verbose=False)
    for each in (path, str(tmp_path / "net.pt2")):
        assert numbers(open_network(each)) == tuple(map(sum, zip(*wanted, strict=True)))


@pytest.mark.parametrize("name", sorted(EQUAL))
def test_a_file_of_the_older_exporter_counts_what_its_module_counts(name: str, tmp_path: Path) -> None:
    module = varied(EQUAL[name]())
    path = exported(module, module.inputs, tmp_path / "net.onnx", dynamo=False, opset_version=17)
    assert numbers(open_network(path)) == numbers(trace(module, *module.inputs))


def test_a_large_mask_is_no_weight(tmp_path: Path) -> None:
    """Of 4,900 numbers, more than are read as constants."""
    module = varied(Calls(causal, LONG, a=attention()))
    path = exported(module, module.inputs, tmp_path / "net.onnx", dynamo=False)
    assert analyze(open_network(path)).totals.parameters == 4 * 144 + 48


def test_a_table_that_is_read_again_the_other_way_round_is_one_weight_in_a_spec(tmp_path: Path) -> None:
    module = varied(EQUAL["a tied table"]())
    network = open_network(exported(module, module.inputs, tmp_path / "net.onnx", dynamo=True))
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


def said(module: Calls, path: Path, **settings: Any) -> tuple[int, tuple[str, ...]]:
    network = open_network(exported(varied(module), module.inputs, path, **settings))
    return int(analyze(network).totals.parameters), network.observed.origin[1:]


def rows_of(self: Any, x: Tensor) -> Tensor:
    return self.e(x) + self.places(torch.arange(5)[None])


def test_what_the_exporter_made_of_parameters_is_told(tmp_path: Path) -> None:
    module = Calls(rows_of, TOKENS, e=nn.Embedding(20, 6), places=nn.Embedding(9, 6))
    many, (told,) = said(module, tmp_path / "rows.onnx", dynamo=True)
    assert many == 20 * 6 + 5 * 6  # five of nine places
    assert told.startswith("1 tensor is as the exporter worked it out of parameters, such as some rows of a table")
    assert "`embedding_1`" in told


def test_parameters_that_are_not_in_the_file_are_told(tmp_path: Path) -> None:
    """PyTorch's exporter drops the projection of an LSTM; its file holds no such weight."""
    module = Calls(lambda s, x: s.a(x)[0], X, a=nn.LSTM(12, 6, proj_size=4, batch_first=True))
    _, (told,) = said(module, tmp_path / "projected.onnx", dynamo=True)
    assert told.startswith("1 parameter of the module is not in the file by that name")
    assert told.endswith("`a.weight_hr_l0`.")


def test_what_the_older_exporter_made_is_told(tmp_path: Path) -> None:
    module = Calls(lambda s, x: s.a(x), PICTURE, a=nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    many, (told,) = said(module, tmp_path / "folded.onnx", dynamo=False)
    assert many == 4 * 27 + 4
    assert told.startswith("2 tensors are weights of convolutions that the exporter worked out, as where it folds")
    gain = nn.Parameter(torch.ones(12))
    module = Calls(lambda s, x: x + (s.a.weight[None] * 2), X, a=nn.PReLU(12))
    module.a.weight = gain
    _, (told,) = said(module, tmp_path / "worked_out.onnx", dynamo=False)
    assert told.startswith("1 tensor has a name of the exporter's, and may be made of parameters or be a constant")


def test_what_a_layer_looks_up_by_is_held_in_a_file_as_in_its_spec(tmp_path: Path) -> None:
    """C3 of LeNet-5 keeps the places of its table: a file's module is the one that archscope builds."""
    network = archscope.load("lenet5")
    write_onnx(network, tmp_path / "net.onnx", "zeros")
    ours, theirs = map(after_forward, (network, open_network(str(tmp_path / "net.onnx"))))
    assert ours == theirs


def test_parts_of_a_weight_are_told_by_their_values_and_a_vector_of_zeros_is_part_of_nothing(tmp_path: Path) -> None:
    """Biases of attention are zeros before training: 36 and 12, and in the second call 12 and 24 of them."""
    module = EQUAL["called twice"]()
    network = open_network(exported(module, module.inputs, tmp_path / "net.onnx", dynamo=False, opset_version=17))
    assert analyze(network).totals.parameters == 4 * 144 + 48 + 24  # of 12 zeros, the output has as many
    assert network.observed.origin[-1].startswith("1 tensor has a name of the exporter's, and may be made of")


def product_of_two(self: Any, x: Tensor) -> Tensor:
    return F.linear(x, self.one.weight @ self.two.weight)


@pytest.mark.parametrize(("module", "macs", "unasked"), [
    # a first state of zeros times 6·24 weights; 12·24 products of what comes in
    (lambda: Calls(lambda s, x: s.a(x)[0], X[0], a=nn.LSTMCell(12, 6)), 5 * 12 * 24, 5 * 6 * 24),
    (lambda: Calls(lambda s, x: s.a(x), X[0], a=nn.GRUCell(12, 6)), 5 * 12 * 18, 5 * 6 * 18),
    # a matrix of 4·12, made of 4·3·12 products, on 5 positions
    (lambda: Calls(product_of_two, X, one=nn.Linear(3, 4), two=nn.Linear(12, 3)), 5 * 12 * 4, 4 * 3 * 12),
])  # fmt: skip
def test_what_is_multiplied_without_any_input_is_told(
    module: Callable[[], Calls], macs: int, unasked: int, tmp_path: Path
) -> None:
    made = varied(module())
    network = open_network(exported(made, made.inputs, tmp_path / "net.onnx", dynamo=False, opset_version=17))
    assert analyze(network).totals.macs == macs
    assert analyze(trace(made, *made.inputs)).totals.macs == macs + unasked
    assert network.observed.origin[-1].startswith("1 product reads no input, as of two weights or of a first state")
    assert f": {unasked:,} multiply-accumulates." in network.observed.origin[-1]


def bare(module: Calls, folder: Path, *, external: bool = False) -> tuple[int, tuple[str, ...]]:
    """A file as it is where its signature is lost, as ONNX Runtime and others write it again."""
    path = exported(varied(module), module.inputs, folder / "net.onnx", dynamo=True)
    model = onnx.load(path, load_external_data=not external)
    for each in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del each.metadata_props[:]
    onnx.save(model, folder / "bare.onnx")
    network = open_network(str(folder / "bare.onnx"))
    return int(analyze(network).totals.parameters), network.observed.origin


@pytest.mark.parametrize(("module", "many", "name"), [
    (lambda: Calls(rows_of, TOKENS, e=nn.Embedding(20, 6), places=nn.Embedding(9, 6)), 120 + 5 * 6, "embedding_1"),
    (lambda: Calls(lambda s, x: x + torch.arange(12.0).sin() * s.a.weight, X, a=nn.PReLU(12)), 12, "mul"),
])  # fmt: skip
def test_what_was_worked_out_is_told_in_a_file_that_has_lost_its_signature(
    module: Callable[[], Calls], many: int, name: str, tmp_path: Path
) -> None:
    found, (first, *told) = bare(module(), tmp_path)
    assert found == many
    assert first.endswith(
        " It does not say which tensors are trained, or made of others: all are taken for parameters."
    )
    assert [each for each in told if "has a name of the exporter's, and may be made of param" in each and name in each]


@pytest.mark.parametrize("name", ["a mask", "a large mask"])
def test_a_mask_is_no_parameter_where_the_signature_is_lost(name: str, tmp_path: Path) -> None:
    many, (_, *told) = bare(EQUAL[name](), tmp_path)
    assert many == 4 * 144 + 48
    assert not any("made of param" in each for each in told)


@pytest.mark.parametrize("name", ["called twice", "a tied table"])
def test_parts_of_a_weight_are_found_by_their_values_where_the_signature_is_lost(name: str, tmp_path: Path) -> None:
    module = EQUAL[name]()
    many, (_, *told) = bare(module, tmp_path)
    assert many == numbers(trace(module, *module.inputs))[0]
    assert not told


def test_a_matrix_that_is_read_as_it_is_and_the_other_way_round_is_one_where_the_file_has_neither(
    tmp_path: Path,
) -> None:
    module = Calls(lambda s, x: F.linear(F.linear(x, s.a.weight), s.a.weight.t()), X, a=nn.Linear(12, 8, bias=False))
    assert bare(module, tmp_path)[0] == 96
    assert said(module, tmp_path / "signed.onnx", dynamo=True)[0] == 96


def test_parts_that_lie_in_another_file_are_told(tmp_path: Path) -> None:
    """Whose values are not read: 48·96 columns of 48·144, and 48·48."""
    attended = nn.MultiheadAttention(48, 3, batch_first=True)
    big = Calls(lambda s, x: s.a(s.a(x, x, x)[0], x, x)[0], torch.randn(1, 5, 48), a=attended)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "written_again.onnx")
    onnxruntime.InferenceSession(exported(varied(big), big.inputs, tmp_path / "net.onnx", dynamo=True), options)
    network = open_network(options.optimized_model_filepath)
    assert analyze(network).totals.parameters == 7 * 48 * 48 + 7 * 48
    assert network.observed.origin[-1].startswith("2 tensors lie in another file, which is not read, under")


def test_a_matrix_that_the_older_exporter_cut_into_many_parts_is_one(tmp_path: Path) -> None:
    """Twenty parts of two rows, and one of three."""

    def cut(self: Any, x: Tensor) -> Tensor:
        return (
            torch.cat([F.linear(x, self.a.weight[start : start + 2]) for start in range(0, 40, 2)], -1)
            + F.linear(x, self.a.weight[40:]).sum()
        )

    module = varied(Calls(lambda s, x: cut(s, x) + s.a(x).sum(), X, a=nn.Linear(12, 43, bias=False)))
    path = exported(module, module.inputs, tmp_path / "net.onnx", dynamo=False)
    assert analyze(open_network(path)).totals.parameters == 12 * 43


def test_one_number_with_a_modules_name_is_a_weight_in_a_file_of_the_older_exporter(tmp_path: Path) -> None:
    module = Calls(lambda s, x: s.a(x) * s.g * 3, X, a=nn.Linear(12, 4))
    module.g = nn.Parameter(torch.rand(1))
    many, told = said(module, tmp_path / "net.onnx", dynamo=False)
    assert many == 12 * 4 + 4 + 1
    assert not told


def test_waves_are_no_parameters_of_a_module_that_has_none(tmp_path: Path) -> None:
    module = Calls(lambda s, x: x + torch.arange(60.0).sin().reshape(5, 12), X)
    assert said(module, tmp_path / "net.onnx", dynamo=True) == (0, ())


class Held(nn.Module):
    """Layers by functions, each of a tensor that is trained, one that is a buffer, and one that is the code's own."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes = {"conv": (4, 3, 1, 1), "left": (16, 16), "right": (16, 5), "row": (6, 16), "table": (9, 2)}
        for name, shape in self.shapes.items():
            self.register_parameter(f"{name}_trained", nn.Parameter(torch.rand(shape)))
            self.register_buffer(f"{name}_buffer", torch.rand(shape))
            setattr(self, f"{name}_own", torch.rand(shape))

    def forward(self, x: Tensor) -> list[Tensor]:
        made = []
        for kind in ("trained", "buffer", "own"):
            conv, left, right, row, table = (getattr(self, f"{name}_{kind}") for name in self.shapes)
            made += [F.conv2d(x, conv), left @ x, x @ right, F.linear(x, row), F.embedding((x > 0).long(), table)]
        return made


@pytest.mark.parametrize("settings", [{}, {"optimize": False}])
def test_buffers_are_fixed_and_tensors_of_the_code_no_weights_however_a_layer_reads_them(
    settings: dict[str, bool], tmp_path: Path
) -> None:
    module = Held()
    read = analyze(open_network(exported(module, (PICTURE,), tmp_path / "net.onnx", dynamo=True, **settings))).totals
    one = 4 * 3 + 16 * 16 + 16 * 5 + 6 * 16 + 9 * 2
    assert (read.parameters, read.fixed) == (one, one)
    traced = analyze(trace(module, PICTURE)).totals
    assert (read.parameters, read.fixed, read.macs) == (traced.parameters, traced.fixed, traced.macs)
