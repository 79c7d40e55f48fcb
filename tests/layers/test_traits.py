"""What a type says of itself beside its numbers: by a list made by hand, and by what PyTorch or a picture does."""

from __future__ import annotations

from math import tanh

import pytest

from archscope import analyze
from archscope.diagrams.graph.view import view_of
from archscope.layers import TYPES, Layer
from archscope.layers.base import Axial, spell_shape
from archscope.network import Network, Node, Ref
from tests.layers.test_layers import CASES

ABSORBED = {
    "lrn", "batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm", "rotary", "sinusoidal_positions",
    "dropout", "flatten", "reshape",
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "scaled_tanh", "hardtanh",
    "hardsigmoid", "hardswish", "softplus", "identity", "prelu", "softmax", "log_softmax",
    "mish", "celu", "softsign", "logsigmoid", "tanhshrink", "softshrink", "hardshrink", "threshold", "rrelu", "softmin",
    "dropout1d", "dropout2d", "dropout3d", "drop_path", "glu", "geglu", "swiglu", "reglu", "maxout",
    "softmax2d", "permute", "transpose", "squeeze", "unsqueeze", "expand", "abs", "exp", "log", "sqrt",
    "power", "scale", "normalize",
}  # fmt: skip
SAME_MEMORY = {
    "dropout", "identity", "flatten", "reshape", "permute", "transpose", "squeeze", "unsqueeze", "expand", "slice",
    "select", "split", "chunk", "crop", "dropout1d", "dropout2d", "dropout3d", "drop_path",
}  # fmt: skip
WINDOWED = (
    "conv",
    "conv_transpose",
    "max_pool",
    "avg_pool",
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "zero_pad",
    "constant_pad",
    "reflection_pad",
    "replication_pad",
    "circular_pad",
)

every_type = pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))


def test_what_a_picture_draws_with_the_layer_before_it_is_what_the_list_says() -> None:
    assert {name for name, kind in TYPES.items() if kind.absorbed} == ABSORBED


def test_what_leaves_values_where_they_are_is_what_the_list_says() -> None:
    assert {name for name, kind in TYPES.items() if kind.shares_memory} == SAME_MEMORY


def test_how_many_inputs_a_type_takes_is_what_the_list_says() -> None:
    several = {name: kind.arity for name, kind in TYPES.items() if kind.arity != (1, 1)}
    assert several == {
        "add": (2, None), "multiply": (2, None), "subtract": (2, 2), "divide": (2, 2), "concat": (1, None),
        "maximum": (2, 2), "minimum": (2, 2), "pow": (2, 2), "stack": (1, None),
        "crop": (2, 2), "matmul": (2, 2), "bilinear": (2, 2),
        "embedding_bag": (1, 2), "multihead_attention": (1, 4), "scaled_dot_product_attention": (3, 4), "rnn": (1, 2),
        "lstm": (1, 3), "gru": (1, 2), "rnn_cell": (1, 2), "lstm_cell": (1, 3), "gru_cell": (1, 2),
        "parameter": (0, 0), "constant": (0, 0), "relative_position_bias": (0, 0), "attention_mask": (0, 0),
    }  # fmt: skip


def test_what_a_type_gives_out_is_what_the_list_says() -> None:
    several = {name: kind.output_names for name, kind in TYPES.items() if kind.output_names != ("output",)}
    parts = {name: several.pop(name) for name in ("split", "chunk")}
    assert all(isinstance(each, property) for each in parts.values())
    assert TYPES["split"](split_size=[4, 1, 3]).output_names == ("0", "1", "2")
    assert TYPES["chunk"](chunks=2).output_names == ("0", "1")
    states = ("output", "hidden")
    assert several == {"rnn": states, "lstm": (*states, "cell"), "gru": states, "lstm_cell": ("hidden", "cell")}


def test_what_reads_tokens_is_what_the_list_says() -> None:
    assert {name: kind.tokens for name, kind in TYPES.items() if kind.tokens} == {"embedding": 1, "embedding_bag": 1}


def test_a_type_with_a_number_of_axes_has_it_in_its_name() -> None:
    found = {name: kind.axes for name, kind in TYPES.items() if kind.axes}
    local = {f"locally_connected{axes}d": axes for axes in (1, 2)}
    assert found == {f"{name}{axes}d": axes for name in WINDOWED for axes in (1, 2, 3)} | {"subsampling": 2} | local


@every_type
def test_a_type_has_options_for_each_axis_if_it_has_axes(kind: type[Layer]) -> None:
    assert any(isinstance(each, Axial) for each in kind._declared.values()) is (kind.axes > 0)


def test_maps_and_kernels_are_told_apart_where_there_are_as_many() -> None:
    transposed = TYPES["conv_transpose2d"](out_channels=8, kernel_size=2).facts((8, 3, 3))
    assert transposed.parameters.letters == {"k": 2, "n": 8, "c": 8}
    assert transposed.parameters.formula.count("n") == 2
    plain = TYPES["conv2d"](out_channels=8, kernel_size=2).facts((8, 3, 3))
    assert plain.parameters.formula == "(k·k·c + 1)·n"


def test_a_shape_without_axes_is_called_a_scalar() -> None:
    assert [spell_shape(shape) for shape in ((), (3,), (3, 4))] == ["scalar", "3", "3×4"]


@every_type
def test_a_graph_absorbs_what_says_so_and_nothing_else(kind: type[Layer]) -> None:
    row = next(row for row in CASES if row.type == kind.type)
    inputs = {f"input{place}": shape for place, shape in enumerate(row.inputs)}
    before = [Node(f"before{place}", TYPES["add"](), (Ref(name), Ref(name)), f"before{place}")
              for place, name in enumerate(inputs)]  # fmt: skip
    layer = Node("layer", row.layer, tuple(Ref(each.name) for each in before), "layer")
    shown = view_of(analyze(Network("two", inputs, [*before, layer])), depth="full")
    together = any(set(each.layers) == {"before0", "layer"} for each in shown.nodes)
    assert together is (kind.type in ABSORBED)


@every_type
def test_a_layer_that_shares_memory_hands_out_the_memory_it_was_given(kind: type[Layer]) -> None:
    torch = pytest.importorskip("torch")
    from archscope.building.builders import build_layer

    row = next(row for row in CASES if row.type == kind.type)
    if not row.inputs:
        return
    module = build_layer(row.layer, *row.inputs).eval()
    given = [torch.zeros(1, *shape, dtype=torch.long if place < kind.tokens else torch.float32)
             for place, shape in enumerate(row.inputs)]  # fmt: skip
    made = module(*given)
    made = made[0] if isinstance(made, tuple) else made
    assert (made.untyped_storage().data_ptr() == given[0].untyped_storage().data_ptr()) is kind.shares_memory


def test_layers_are_equal_if_their_type_and_all_their_options_are() -> None:
    one, again, other = TYPES["tanh"](), TYPES["tanh"](), TYPES["relu"]()
    assert one == again
    assert not one == other  # noqa: SIM201 - `==` itself is what is tried
    narrow, wide = TYPES["linear"](out_features=3), TYPES["linear"](out_features=4)
    assert not narrow == wide  # noqa: SIM201


def test_a_layer_is_found_among_others_by_its_options_and_its_type() -> None:
    known = {TYPES["max_pool2d"](kernel_size=2): "max", TYPES["avg_pool2d"](kernel_size=2): "average"}
    assert known[TYPES["max_pool2d"](kernel_size=(2, 2))] == "max"
    assert known[TYPES["avg_pool2d"](kernel_size=(2, 2))] == "average"
    assert TYPES["max_pool2d"](kernel_size=3) not in known
    assert [TYPES["relu"](), TYPES["tanh"]()].index(TYPES["tanh"]()) == 1


def test_lecuns_squashing_function_leaves_1_where_it_is() -> None:
    """LeCun 1998, App. A: with 1.7159 and 2/3, f(1) = 1 and f(−1) = −1."""
    squash = TYPES["scaled_tanh"]()
    amplitude, slope = squash.amplitude, squash.slope  # type: ignore[attr-defined]
    assert amplitude * tanh(slope) == pytest.approx(1, abs=1e-5)
    assert slope == 2 / 3


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_softmax_adds_channels_up_unless_told_otherwise(name: str) -> None:
    torch = pytest.importorskip("torch")
    from archscope.building.builders import build_layer

    made = build_layer(TYPES[name](), (3, 4))(torch.randn(2, 3, 4))
    sums = (made if name == "softmax" else made.exp()).sum(1)
    assert torch.allclose(sums, torch.ones(2, 4))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_padding_counts_as_zeros_in_an_average_unless_told_otherwise(axes: int) -> None:
    """As in PyTorch, where the corner of a padded window of ones is less than 1."""
    torch = pytest.importorskip("torch")
    from archscope.building.builders import build_layer

    layer = TYPES[f"avg_pool{axes}d"](kernel_size=3, padding=1)
    corner = build_layer(layer, (1, *[3] * axes))(torch.ones(1, 1, *[3] * axes)).flatten()[0]
    assert corner.item() == pytest.approx((2 / 3) ** axes)
    assert layer.count_include_pad is True  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("multihead_attention", {"num_heads": 1}, "attention, 1 head"),
        ("multihead_attention", {"num_heads": 2}, "attention, 2 heads"),
        ("mixture_of_experts", {"num_experts": 1, "top_k": 1, "hidden_features": 4}, "1 expert, 1 active"),
        ("mixture_of_experts", {"num_experts": 8, "top_k": 2, "hidden_features": 4}, "8 experts, 2 active"),
    ],
)
def test_one_head_and_one_expert_are_not_several(name: str, options: dict[str, int], said: str) -> None:
    assert TYPES[name](**options).label == said
