"""Networks in ONNX files: exported by PyTorch, quantised, with open axes, broken or hostile."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import archscope
from archscope import UsageError, analyze, trace
from archscope.cli import main
from archscope.errors import MissingExtra
from archscope.formulas import at
from archscope.opening import open_network
from tests.importing.files import onnx_file

CONV = "net (float[N,3,H,W] x) => (float y) { y = Conv(x, w) }"
DENSE = "net (float[N,4] x) => (float y) { y = MatMul(x, w) }"


def exported(module: nn.Module, given: tuple[Any, ...], path: Path, **settings: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), given, str(path), verbose=False, **settings)
    return str(path)


class Few(nn.Module):
    """Norms without weights, and weights of one value."""

    def __init__(self) -> None:
        super().__init__()
        bare = (nn.BatchNorm2d(4, affine=False), nn.InstanceNorm2d(4), nn.LayerNorm(6, elementwise_affine=False))
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *bare, nn.PReLU())
        self.gain, self.scalar = nn.Parameter(torch.full((1,), 0.3)), nn.Parameter(torch.tensor(0.7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x) * self.gain * self.scalar


@pytest.mark.parametrize("optimize", [True, False])
def test_what_pytorch_trains_is_counted_however_few_and_what_fills_a_bare_norm_is_not(
    optimize: bool, tmp_path: Path
) -> None:
    module = Few().eval()
    totals = analyze(exported(module, (torch.zeros(1, 3, 8, 8),), tmp_path / "few.onnx", optimize=optimize)).totals
    # 4·27 + 4 of the convolution, a slope and two factors
    assert totals.parameters == sum(each.numel() for each in module.parameters()) == 115


def rows(network: Any) -> list[tuple[Any, ...]]:
    """What a table says, row by row, without the names."""
    return [(row.type, row.outputs, int(row.parameters), int(row.fixed), row.macs, row.connections)
            for row in analyze(network).rows]  # fmt: skip


def varied(module: nn.Module) -> nn.Module:
    """The module with weights that differ, which exporters cannot take for one another."""
    with torch.no_grad():
        for each in (*module.parameters(), *module.buffers()):
            if each.is_floating_point():
                each.copy_(torch.rand(each.shape) + 0.1)
    return module


@pytest.mark.parametrize("spec", ["lenet5-pytorch", "resnet-cifar@20"])
def test_a_network_exported_to_onnx_has_the_table_of_its_spec(spec: str, tmp_path: Path) -> None:
    network = archscope.load(spec)
    module = varied(archscope.build(network))
    (shape,) = network.inputs.values()
    path = exported(module, (torch.zeros(1, *shape),), tmp_path / "net.onnx", dynamo=False,
                    training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)  # fmt: skip
    assert rows(path) == rows(trace(module, shape))
    assert analyze(path).totals.macs == analyze(network).totals.macs
    assert analyze(path).totals.parameters == analyze(network).totals.parameters


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.places = nn.Parameter(torch.zeros(1, 6, 16))
        self.norm = nn.LayerNorm(16)
        self.dense = nn.Linear(16, 24)
        self.gate = nn.SiLU()
        self.out = nn.Linear(24, 5)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        value = self.norm(self.table(tokens) + self.places)
        return self.out(self.gate(self.dense(value)).mean(1))


def test_pytorchs_exporter_says_where_each_layer_was(tmp_path: Path) -> None:
    module = varied(Words())
    path = exported(module, (torch.zeros(1, 6, dtype=torch.long),), tmp_path / "words.onnx", dynamo=True)
    network = open_network(path)
    assert rows(network) == rows(trace(module, torch.zeros(1, 6, dtype=torch.long)))
    assert [node.name for node in network.nodes if node.layer.family in ("dense", "normalization")] == [
        "table", "places", "norm", "dense", "out",
    ]  # fmt: skip
    # The weights of the dense layer lie with their axes exchanged.
    built = archscope.build(network)
    built.load_state_dict(module.state_dict())


def test_a_batch_norm_that_the_exporter_folded_in_is_told(tmp_path: Path) -> None:
    module = varied(nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()))
    path = exported(module, (torch.zeros(1, 3, 8, 8),), tmp_path / "net.onnx", dynamo=True)
    network = open_network(path)
    assert rows(network)[0][:3] == ("conv2d", ((4, 6, 6),), 4 * 27 + 4)
    assert "1 layer has a batch norm folded in by the exporter" in network.observed.origin[1]


def test_weights_that_the_exporter_merged_are_told(tmp_path: Path) -> None:
    """Before training both norms have ones and zeros: 4·4 + 4 and 4 + 4 are in the file, and not 8 more."""
    module = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4), nn.LayerNorm(4))
    network = open_network(exported(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=False))
    assert analyze(network).totals.parameters == 28
    assert network.observed is not None
    assert "2 tensors are read by several modules, and counted once" in network.observed.origin[1]
    with torch.no_grad():
        module[2].weight *= 2
        module[2].bias += 3
    trained = open_network(exported(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=False))
    assert analyze(trained).totals.parameters == 36
    assert trained.observed is not None
    assert len(trained.observed.origin) == 1


def test_an_axis_with_a_name_wants_a_number(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, CONV, w=(4, 3, 3, 3))
    with pytest.raises(UsageError, match=r"leaves `H` open; say how long it is: --input x=3,224,224"):
        open_network(path)
    assert analyze(open_network(path, input=(3, 10, 12))).rows[0].outputs == ((4, 8, 10),)
    assert analyze(open_network(path, input="x=3,10,12")).rows[0].outputs == ((4, 8, 10),)


def test_axes_of_one_name_have_one_length(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[N,L,4] x, float[N,L,4] z) => (float y) { y = Add(x, z) }")
    assert rows(open_network(path, input="x=7,4"))[0][1] == ((7, 4),)
    with pytest.raises(UsageError, match="`L` is 7 in one input"):
        open_network(path, input=["x=7,4", "z=8,4"])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"input": (3, 8)}, r"is 3×H×W without the batch, and 3×8 was stated"),
        ({"input": "z=3,8,8"}, "takes no input `z`; it takes: x"),
        ({"changes": ["C1.padding=2"]}, "`--set` changes a spec"),
        ({"kwargs": "depth=3"}, "`--kwargs` is for a module of your own"),
        ({"input": (5, 8, 8)}, r"is 3×H×W without the batch, and 5×8×8 was stated"),
    ],
)
def test_what_does_not_go_with_a_file_is_said(said: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = onnx_file(tmp_path, CONV, w=(4, 3, 3, 3))
    with pytest.raises(UsageError, match=told):
        open_network(path, **said)


def test_a_batch_is_what_was_said_or_what_the_file_was_written_for(tmp_path: Path) -> None:
    one = analyze(open_network(onnx_file(tmp_path, DENSE, w=(4, 5)), batch=3))
    assert (one.network.observed.batch, one.totals.macs) == (3, 60)
    fixed = onnx_file(tmp_path, DENSE.replace("N", "2"), name="fixed.onnx", w=(4, 5))
    assert analyze(fixed).totals.macs == 40
    with pytest.raises(UsageError, match="was written for a batch of 2"):
        open_network(fixed, batch=3)


def test_functions_and_branches_that_are_known_stand_where_they_are_called(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "own" : 1]>\n'
        "net (float[N,4] x) => (float[N,4] y) { y = own.twice(x) }\n"
        '<domain: "own", opset_import: ["" : 17]> twice (a) => (b) { c = Relu(a)\n b = Tanh(c) }'
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    assert [node.layer.type for node in open_network(path).nodes] == ["relu", "tanh"]
    text = ("net (float[N,4] x) => (float[N,4] y) { y = If (yes) <then_branch = a () => (float[N,4] b) "
            "{ b = Relu(x) }, else_branch = c () => (float[N,4] d) { d = Tanh(x) }> }")  # fmt: skip
    assert [node.layer.type for node in open_network(onnx_file(tmp_path, text, yes=np.array(True))).nodes] == ["relu"]


def test_a_quantised_weight_counts_by_its_values_and_by_the_bytes_it_is_stored_in(tmp_path: Path) -> None:
    text = ("net (float[N,4] x) => (float y) { q = QuantizeLinear(x, s, z)\n d = DequantizeLinear(q, s, z)\n"
            "w = DequantizeLinear(wq, ws, wz)\n y = MatMul(d, w) }")  # fmt: skip
    path = onnx_file(tmp_path, text, s=np.array(0.1, np.float32), z=np.array(0, np.int8), wz=np.zeros(5, np.int8),
                     wq=np.ones((4, 5), np.int8), ws=np.ones(5, np.float32))  # fmt: skip
    analysis = analyze(path)
    (row,) = analysis.rows
    assert (row.type, row.parameters, row.macs, analysis.weight_bytes()) == ("linear", 20, 20, 20)


def test_a_matrix_in_blocks_of_four_bits_is_the_matrix_that_it_stands_for(tmp_path: Path) -> None:
    text = "net (float[N,32] x) => (float[N,8] y) { y = com.microsoft.MatMulNBits<K=32, N=8, bits=4>(x, w, s) }"
    path = onnx_file(tmp_path, text, w=np.ones((8, 1, 16), np.uint8), s=np.ones(8, np.float32))
    analysis = analyze(path)
    # 8 units of 32 inputs: 256 weights in half a byte each
    assert (analysis.totals.parameters, analysis.totals.macs, analysis.weight_bytes()) == (256, 256, 128)


def test_weights_in_other_files_are_not_read(tmp_path: Path) -> None:
    """Their values may lie anywhere, even where nobody may look, and cost nothing."""
    model = onnx.load(onnx_file(tmp_path, DENSE, w=(4, 5)))
    tensor = model.graph.initializer[0]
    tensor.dims[1] = 1 << 28
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/shadow")
    (tmp_path / "big.onnx").write_bytes(model.SerializeToString())
    assert analyze(tmp_path / "big.onnx").totals.parameters == 4 << 28


def _cut(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def _cyclic(whole: bytes) -> bytes:
    model = onnx.ModelProto.FromString(whole)
    model.graph.node.insert(0, helper.make_node("Add", ["x", "b"], ["a"]))
    model.graph.node.insert(1, helper.make_node("Relu", ["a"], ["b"]))
    return model.SerializeToString()


def _empty(whole: bytes) -> bytes:
    model = onnx.ModelProto.FromString(whole)
    model.ClearField("graph")
    return model.SerializeToString()


def _claims_more(whole: bytes) -> bytes:
    model = onnx.ModelProto.FromString(whole)
    model.graph.initializer[0].dims[0] = 1 << 40
    return model.SerializeToString()


def _unnamed(whole: bytes) -> bytes:
    model = onnx.ModelProto.FromString(whole)
    model.graph.node[0].input[1] = "nowhere"
    return model.SerializeToString()


@pytest.mark.parametrize("broken", [_cut, _cyclic, _empty, _claims_more, _unnamed, lambda whole: b"\x08\x08" * 9,
                                    lambda whole: b"", lambda whole: b"\xff" * 64])  # fmt: skip
def test_a_broken_file_is_one_line(broken: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = Path(onnx_file(tmp_path, DENSE, w=(4, 5)))
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(UsageError) as told:
        analyze(path)
    assert "\n" not in str(told.value)
    assert str(path) in str(told.value) or path.name in str(told.value)


def _shapeless(model: onnx.ModelProto) -> None:
    """`Shape` of nothing, where the length of something is to be worked out."""
    model.graph.node.insert(0, helper.make_node("Shape", [], ["n"]))


def _words_that_are_none(model: onnx.ModelProto) -> None:
    """A module path that is no UTF-8, which comes as bytes."""
    model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="LETTERS")


def _odd_constant(model: onnx.ModelProto) -> None:
    """A tensor that says that it is a word."""
    node = helper.make_node("Constant", [], ["c"], value=b"x")
    model.graph.node.insert(0, node)


def _branches_apart(model: onnx.ModelProto) -> None:
    """A condition that is known, of which a branch makes nothing."""
    nothing = helper.make_graph([], "nothing", [], [])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.insert(0, helper.make_node("If", ["yes"], ["i"], then_branch=nothing, else_branch=nothing))


def _itself(model: onnx.ModelProto) -> None:
    """A function that calls itself."""
    body = [helper.make_node("F", ["a"], ["b"], domain="own")]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    model.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, opsets))
    model.opset_import.append(opsets[1])
    model.graph.node.insert(0, helper.make_node("F", ["x"], ["f"], domain="own"))


@pytest.mark.parametrize("broken", [_shapeless, _words_that_are_none, _odd_constant, _branches_apart, _itself])
def test_what_no_library_writes_is_read_or_refused_in_one_line(
    broken: Callable[[onnx.ModelProto], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(onnx_file(tmp_path, DENSE, w=(4, 5)))
    model = onnx.load(str(path))
    broken(model)
    path.write_bytes(model.SerializeToString().replace(b"LETTERS", b"L\xffTTERS"))
    status = main(["table", str(path)])
    said = capsys.readouterr().err
    assert status in (0, 2)
    assert (said.count("\n"), said[:7]) == ((1, "error: ") if status else (0, "")), said


def test_a_file_that_ends_anywhere_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(onnx_file(tmp_path, DENSE, w=(4, 5)))
    whole = path.read_bytes()
    for fiftieth in range(50):
        path.write_bytes(whole[: len(whole) * fiftieth // 50])
        assert main(["table", str(path)]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert path.name in said


@pytest.mark.parametrize("where", ["../../etc/passwd", "/etc/passwd", "nowhere.bin"])
def test_weights_that_lie_outside_of_the_folder_are_not_opened(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shapes need none of them; what would need their values says that ONNX Runtime does not open them."""
    path = Path(onnx_file(tmp_path, DENSE, w=(4, 5)))
    model = onnx.load(str(path))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=where)
    path.write_bytes(model.SerializeToString())
    assert analyze(path).totals.macs == 20
    assert main(["spec", str(path), "-o", str(tmp_path / "again.yaml")]) == 0
    assert "onnxruntime does not run it" in capsys.readouterr().err


def test_what_no_shape_tells_is_said_with_its_place(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[N,4] x) => (float y) { n = NonZero(x)\n y = Cast<to=1>(n) }")
    with pytest.raises(UsageError, match=r"net.onnx, node 0: the shape of `n` is not known without its values"):
        open_network(path)


def test_a_file_is_told_by_its_content_and_needs_no_pytorch(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, DENSE, name="network", w=(4, 5))
    code = (f"import sys; from archscope import analyze; assert analyze({path!r}).totals.macs == 20; "
            "print([name for name in ('torch', 'keras') if name in sys.modules])")  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_without_onnx_ir_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = onnx_file(tmp_path, DENSE, w=(4, 5))
    monkeypatch.setattr("archscope.importing.onnx.reading.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"needs onnx-ir: pip install 'archscope\[onnx\]'"):
        open_network(path)


def test_weights_of_any_name_are_what_their_operator_reads_them_as(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[N,3,4,4] x) => (float[N,3,4,4] y) { y = BatchNormalization(x, m, b, a, z) }",
                     m=(3,), b=(3,), a=(3,), z=(3,))  # fmt: skip
    observed = open_network(path).observed
    assert observed is not None
    sources = {own: source.name for (_, own), source in observed.sources.items()}
    assert sources == {"weight": "m", "bias": "b", "running_mean": "a", "running_var": "z"}


def test_numbers_that_lie_under_a_name_of_other_types_are_not_known() -> None:
    import onnx
    import onnx_ir as ir

    from archscope.importing.onnx.numbers import array_of

    whole = onnx.TensorProto(data_type=onnx.TensorProto.FLOAT, dims=[2], int64_data=[1, 2], name="odd")
    assert array_of(ir.serde.deserialize_tensor(whole)) is None


def test_a_file_is_read_anew_for_another_length_of_an_axis_that_may_have_any(tmp_path: Path) -> None:
    # As many positions as features are made of each row, by what the file works out of its input's shape.
    graph = ("net (float[N,L,4] x) => (float y) { s = Shape<start=1, end=2>(x) o = Concat<axis=0>(n, s, f) "
             "e = Expand(x, o) y = MatMul(e, w) }")  # fmt: skip
    held = {"n": np.array([1], np.int64), "f": np.array([4], np.int64), "w": (4, 5)}
    network = open_network(onnx_file(tmp_path, graph, **held), input="6,4")
    assert analyze(at(network, {"length": 9})).totals.macs == 9 * 4 * 5
    assert str(analyze(network).symbolic("length").totals.macs) == "20·length"
    fixed = open_network(onnx_file(tmp_path, "net (float[1,6,4] x) => (float y) { y = MatMul(x, w) }", w=(4, 5)))
    with pytest.raises(
        UsageError, match="6×4 without the batch, and 9×4 was stated; write the file with axes that may"
    ):
        at(fixed, {"length": 9})
    assert str(analyze(fixed).symbolic("batch").totals.macs) == "120·batch"
