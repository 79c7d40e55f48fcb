"""Any module, read into a network: its layers, what no layer type describes, and the module as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archscope
from archscope import trace
from archscope.formats.sheet import View
from archscope.formats.table import write
from archscope.layers import TYPES, Facts
from archscope.recognising.function import Function
from archscope.tracing.samples import sample_of
from tests.tracing import beyond, strangers


@pytest.mark.parametrize("name", strangers.KNOWN)
def test_every_parameter_of_a_module_is_counted_once(name: str) -> None:
    make, shapes = strangers.KNOWN[name]
    module = make()
    analysis = archscope.analyze(trace(module, *shapes))
    assert analysis.totals.parameters == sum(each.numel() for each in module.parameters())


def test_a_graph_is_read_and_not_only_a_list() -> None:
    network = trace(strangers.Residual(), (3, 32, 32))
    assert [ref.node for ref in network.by_name["layer1.0.add"].inputs] == ["layer1.0.bn2", "stem.3"]
    assert network.by_name["layer1.0.conv1"].group == ("layer1", "0")
    assert network.by_name["layer1.0.bn1.relu"].row == "layer1.0.bn1"


def test_layers_in_place_are_read_after_they_changed_a_value() -> None:
    class Both(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x * x
            kept = y
            y.relu_()
            return kept + x

    network = trace(Both(), (4,))
    assert [ref.node for ref in network.by_name["add"].inputs] == ["multiply.relu", "input"]


def test_what_dropout_hands_back_is_told_from_what_it_was_given() -> None:
    network = trace(strangers.AroundDropout(), (6,))
    assert [ref.node for ref in network.by_name["add"].inputs] == ["fc", "drop"]


def test_a_sequence_that_attends_to_itself_is_one_input() -> None:
    network = trace(strangers.Words(), (11,))
    assert len(network.by_name["encoder.layers.0.self_attn"].inputs) == 1
    assert len(trace(strangers.TwoInputs(), (5, 8), (7, 6)).by_name["attention"].inputs) == 3


def test_a_value_that_is_used_twice_is_counted_once() -> None:
    analysis = archscope.analyze(trace(strangers.Scaled(), (3,)))
    assert [(row.type, row.parameters) for row in analysis.rows] == [("parameter", 1), ("multiply", 0), ("multiply", 0)]


def test_a_matrix_that_is_used_twice_is_shared() -> None:
    network = trace(strangers.Projected(), (5, 4))
    assert network.by_name["fc"].shares is None
    analysis = archscope.analyze(network)
    assert analysis.totals.parameters == 30
    assert analysis["matmul"].macs == 5 * 6 * 4
    assert analysis["matmul"].node.layer.label == "linear, weights of `fc`"


def test_padding_that_is_no_zeros_is_no_zero_padding() -> None:
    analysis = archscope.analyze(trace(beyond.OtherEdges(), (2, 4, 4)))
    assert [(row.type, row.output) for row in analysis.rows] == [
        ("reflection_pad2d", (2, 6, 6)), ("constant_pad2d", (2, 6, 8)), ("slice", (2, 6, 6)),
        ("zero_pad2d", (2, 8, 6)), ("function", (2, 8, 6)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.EmbeddingBag(5, 7, max_norm=1.0), (4,)),
        (nn.LayerNorm(8, eps=0.0), (8,)),
    ],
    ids=["bounded bag", "no eps"],
)
def test_what_a_layer_type_does_not_take_is_a_function_with_its_weights(
    module: nn.Module, shape: tuple[int, ...]
) -> None:
    (row,) = archscope.analyze(trace(module, shape)).rows
    assert isinstance(row.node.layer, Function)
    assert row.parameters == sum(each.numel() for each in module.parameters())
    assert row.connections is None


def test_a_layer_with_an_option_beyond_its_type_counts_as_the_layer_and_cannot_be_made() -> None:
    module = beyond.Beyond()
    network = trace(module, (1, 4, 4))
    rows = {row.name: row for row in archscope.analyze(network).rows if isinstance(row.node.layer, Function)}
    labels = {name: row.node.layer.label for name, row in rows.items()}
    assert labels == {
        "batch_norm": "BN, training", "up": "upsample ×2, align_corners", "softplus": "softplus, threshold",
        "attention": "attention, 2 heads, attn_mask",
    }  # fmt: skip
    assert (rows["batch_norm"].parameters, rows["batch_norm"].fixed, rows["up"].output) == (8, 8, (4, 8, 8))
    assert rows["attention"].macs == 4 * 4 * 4 * 64 + 2 * 64 * 64 * 4
    assert archscope.analyze(network).totals.parameters == sum(each.numel() for each in module.parameters())
    with pytest.raises(
        archscope.UsageError, match=r"`BN, training` at \S+\.py:\d+ is a function of a network that was read"
    ):
        archscope.build(network)


@pytest.mark.parametrize("option", [{"add_zero_attn": True}, {"add_bias_kv": True}])
def test_attention_to_more_than_its_input_is_read_with_it(option: dict[str, bool]) -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True, **option)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x)[0]

    module = Attends()
    (row,) = archscope.analyze(trace(module, (4, 8))).rows
    assert row.node.layer == TYPES["multihead_attention"](num_heads=2, **option)
    assert row.macs == 4 * 8 * 8 * 4 + 2 * 4 * 5 * 8  # four projections, and scores and sums with a fifth key
    assert row.parameters == sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(
    ("shape", "batch", "sample"),
    [((5, 3, 4), 5, (3, 4)), ((7, 5, 3), 5, (7, 3)), ((7, 3, 5), 5, (7, 3)), ((20, 9), 5, (4, 9)),
     ((7, 3), 5, (7, 3)), ((5,), 5, ()), ((), 5, ()), ((1, 3), 1, (3,)), ((7, 1, 3), 1, (7, 3)), ((7, 3), 1, (7, 3)),
     ((1, 3), None, (1, 3))],
)  # fmt: skip
def test_the_batch_is_taken_away_wherever_it_went(
    shape: tuple[int, ...], batch: int | None, sample: tuple[int, ...]
) -> None:
    assert sample_of(torch.zeros(shape), batch) == sample


def test_the_outputs_of_a_function_have_names_if_there_are_several() -> None:
    names = [Function("chunk", Facts((), ((2,),) * count)).output_names for count in (1, 2, 3)]
    assert names == [("output",), ("output0", "output1"), ("output0", "output1", "output2")]


def test_a_module_that_runs_twice_holds_its_weights_once() -> None:
    network = trace(strangers.Twice(), (3, 8, 8))
    assert network.by_name["conv_2"].shares == "conv"
    rows = archscope.analyze(network)
    assert rows["conv_2"].parameters == 0
    assert rows["conv_2"].connections == 84 * 16  # 3·3·3 + 1 lines for each of 3·4·4 units


def test_no_two_nodes_have_one_name() -> None:
    network = trace(strangers.AwkwardNames(), (4,))
    assert [node.name for node in network.nodes] == ["input_2", "conv", "conv_3", "conv_2"]
    assert [node.inputs[0].node for node in network.nodes] == ["input", "input_2", "conv", "conv_3"]
    assert archscope.analyze(network).totals.parameters == 60


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_module_of_another_precision_is_read(dtype: torch.dtype) -> None:
    assert archscope.analyze(trace(strangers.Twice().to(dtype), (3, 8, 8))).totals.parameters == 84 + 26


def test_what_no_layer_type_describes_is_not_covered_and_its_weights_are_exact() -> None:
    class Raised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.p = nn.Linear(4, 4), nn.Parameter(torch.ones(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x).fmod(self.p)

    analysis = archscope.analyze(trace(Raised(), (3, 4)))
    assert analysis.totals.parameters == 20 + 4
    assert (analysis["fmod"].parameters, analysis["fmod"].connections, analysis["fmod"].macs) == (4, None, 0)
    assert analysis["fmod"].reason("connections") == "archscope has no layer type for `fmod`"


def test_tokens_and_positions_that_are_learned_are_parameters() -> None:
    analysis = archscope.analyze(trace(strangers.Patches(), (3, 16, 16)))
    assert [(row.name, row.type, row.parameters) for row in analysis.rows] == [
        ("embed", "conv2d", 3 * 4 * 4 * 8 + 8), ("reshape", "reshape", 0), ("transpose", "transpose", 0),
        ("token", "parameter", 8), ("concat", "concat", 0), ("places", "parameter", 17 * 8), ("add", "add", 0),
        ("select", "select", 0), ("head", "linear", 90),
    ]  # fmt: skip
    assert analysis.totals.macs == 3 * 4 * 4 * 8 * 16 + 80


@pytest.mark.parametrize(
    ("make", "shape"), [(strangers.Products, (6, 8)), (strangers.Heads, (5, 8)), (strangers.FromParts, (4,))]
)
def test_products_are_those_that_pytorch_counts(make: type[nn.Module], shape: tuple[int, ...]) -> None:
    analysis = archscope.analyze(trace(make(), shape))
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        make()(torch.zeros(1, *shape))
    assert analysis.totals.flops == counter.get_total_flops() > 0


def test_a_product_of_two_inputs_has_no_connections() -> None:
    analysis = archscope.analyze(trace(strangers.Products(), (6, 8)))
    assert analysis["matmul"].macs == 6 * 6 * 8
    assert analysis["matmul"].connections == 0
    assert [row.outputs for row in analysis.rows if row.type == "chunk"] == [((6, 8),) * 3]


def test_a_product_with_a_matrix_of_its_own_is_a_dense_layer() -> None:
    rows = archscope.analyze(trace(strangers.FromParts(), (4,))).rows
    assert [(row.type, row.parameters, row.connections) for row in rows] == [("linear", 24, 24), ("linear", 21, 21)]


def test_a_dense_layer_over_a_grid_is_one_at_every_position() -> None:
    analysis = archscope.analyze(trace(strangers.ChannelsLast(), (4, 6, 5)))
    assert [row.name for row in analysis.rows] == ["wide", "narrow", "conv"]
    assert analysis["wide"].output == (4, 6, 9)
    assert analysis["wide"].macs == 4 * 6 * 5 * 9


def test_a_dense_layer_in_windows_that_lie_in_the_batch_has_the_lines_of_all_of_them() -> None:
    analysis = archscope.analyze(trace(beyond.Windows(), (3, 8, 8)))
    assert (analysis["fc"].output, analysis["fc"].parameters) == ((4, 16, 4), 16)
    assert analysis["fc"].macs == 3 * 4 * 16 * 4


def test_a_product_with_a_matrix_of_its_own_is_made_at_every_position() -> None:
    class Mixes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.randn(4, 6))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.matrix

    (row,) = archscope.analyze(trace(Mixes(), (3, 4))).rows
    assert (row.type, row.output, row.parameters, row.macs) == ("linear", (3, 6), 24, 3 * 24)


def test_a_function_that_nobody_knows_is_not_covered() -> None:
    analysis = archscope.analyze(trace(beyond.Spectrum(), (8,)))
    assert analysis["fc"].macs == 64
    assert analysis["fft_fft"].macs is None
    assert analysis.totals.macs is None
    assert analysis.totals.reasons["macs"] == "`fft_fft` is not covered: what `_fft_r2c` multiplies is not known"


def test_a_weight_that_is_made_of_others_is_seen() -> None:
    module = strangers.Normed()
    analysis = archscope.analyze(trace(module, (3, 8, 8)))
    assert analysis.totals.parameters == sum(each.numel() for each in module.parameters()) == 3 * 9 * 4 + 4 + 4
    row = analysis["conv.conv2d"]
    assert (row.node.layer.label, row.macs, row.receptive_field) == (
        "conv 3×3, weights made of others", 27 * 4 * 36, (3, 3),
    )  # fmt: skip


def test_a_module_that_looks_at_values_runs_where_it_lives() -> None:
    assert archscope.analyze(trace(beyond.LooksAtValues(), (4,))).totals.parameters == 10


def test_weights_that_nothing_uses_are_named() -> None:
    analysis = archscope.analyze(trace(strangers.Idle(), (4,)))
    assert analysis.totals.parameters == 25
    assert sum(row.parameters for row in analysis.rows) == 10
    assert analysis.network.observed is not None
    assert [each.name for each in analysis.network.observed.unused] == ["auxiliary.weight", "auxiliary.bias"]
    assert "Not used" in write(analysis, View())
    assert "15 parameters in this forward pass: `auxiliary`" in write(analysis, View())


@pytest.mark.parametrize(("make", "shape"), [(strangers.Residual, (3, 32, 32)), (strangers.Counts, (4,))])
def test_a_module_is_left_as_it_was_found(make: type[nn.Module], shape: tuple[int, ...]) -> None:
    module = make()
    next(module.children()).eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [each.training for each in module.modules()]
    identities = [id(each) for each in (*module.parameters(), *module.buffers())]
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    trace(module, shape)
    assert torch.equal(torch.rand(1), drawn)
    assert [each.training for each in module.modules()] == modes
    assert [id(each) for each in (*module.parameters(), *module.buffers())] == identities
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(each.grad is None for each in module.parameters())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


def test_a_module_that_stops_says_where_and_why() -> None:
    with pytest.raises(
        archscope.UsageError,
        match=r"^Twice, given 3×32×32, stops at `head`: it takes 12 features and is given 192 "
        r"\(at tests/tracing/strangers\.py:\d+\); whole numbers were tried too; call it with tensors of your own if it "
        r"takes others$",
    ):
        trace(strangers.Twice(), (3, 32, 32))


@pytest.mark.parametrize("shapes", [(), ((3, 8, 8), (4,))])
def test_inputs_that_it_does_not_take_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(archscope.UsageError, match=r"state the shape|takes 1 \(x\), and 2 inputs are stated"):
        trace(strangers.Twice(), *shapes)


def test_a_module_that_makes_nothing_of_its_input_is_refused() -> None:
    with pytest.raises(archscope.UsageError, match="Identity returns nothing that a layer made of its input"):
        trace(nn.Identity(), (3,))


def test_the_inputs_of_a_module_with_several_have_the_names_it_gives_them() -> None:
    network = trace(strangers.TwoInputs(), (5, 8), (7, 6))
    assert dict(network.inputs) == {"query": (5, 8), "memory": (7, 6)}
    assert len(network.outputs) == 2


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_compiled_module_is_read_as_it_was_written() -> None:
    module = strangers.Inception()
    names = [node.name for node in trace(module, (4, 9, 9)).nodes]
    assert [node.name for node in trace(torch.compile(module), (4, 9, 9), name="Inception").nodes] == names


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_what_shows_no_layers_is_refused_with_a_remedy() -> None:
    with pytest.raises(archscope.UsageError, match="is scripted and shows none of its layers; read the module it was"):
        trace(torch.jit.trace(nn.Linear(3, 2), torch.zeros(1, 3)), (3,))


def test_a_convolution_of_a_picture_in_a_batch_of_its_own_is_a_layer() -> None:
    class Each(nn.Module):
        """Takes pictures of which each is one sample, as detectors do."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, pictures: list[torch.Tensor]) -> Any:
            return [self.conv(each[None]) for each in pictures]

    analysis = archscope.analyze(trace(Each(), [torch.zeros(3, 8, 8), torch.zeros(3, 8, 8)]))
    # Two pictures of 6·6 positions, 3·3·3 by 4 at each.
    assert (analysis.totals.parameters, analysis.totals.macs) == (112, 2 * 6 * 6 * 27 * 4)
    assert [(row.type, row.output) for row in analysis.rows] == [("conv2d", (4, 6, 6))] * 2
