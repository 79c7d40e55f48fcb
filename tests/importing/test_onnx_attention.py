"""Attention that PyTorch's exporter writes out in operators is the layer that it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.importing.graph import Constant, Operator
from archscope.importing.hiding import hides_later
from archscope.opening import open_network
from archscope.oracles.restated import restated
from archscope.writing.stating import state
from tests.importing.files import onnx_file
from tests.importing.test_onnx import exported, rows, varied


class Both(nn.Module):
    """Attention to itself as one operation, and to another input as products; the second's weights have parts."""

    def __init__(self) -> None:
        super().__init__()
        options: dict[str, Any] = {"batch_first": True}
        self.one, self.other = nn.MultiheadAttention(12, 3, **options), nn.MultiheadAttention(12, 2, **options)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        seen = x + self.one(x, x, x, need_weights=False)[0]
        return self.head(self.other(seen, y, y)[0])


@pytest.fixture(scope="module")
def both() -> Both:
    torch.manual_seed(0)
    return varied(Both()).eval()  # type: ignore[return-value]


@pytest.fixture(scope="module")
def file(both: Both, tmp_path_factory: pytest.TempPathFactory) -> str:
    given = torch.randn(2, 7, 12), torch.randn(2, 5, 12)
    return exported(both, given, tmp_path_factory.mktemp("attention") / "both.onnx", dynamo=True)


def test_attention_of_a_file_has_the_rows_of_its_module(both: Both, file: str) -> None:
    network = open_network(file)
    given = torch.randn(2, 7, 12), torch.randn(2, 5, 12)
    assert rows(network) == rows(trace(both, *given))
    assert [node.name for node in network.nodes] == ["one", "add", "other", "head"]
    assert [len(node.inputs) for node in network.nodes] == [1, 2, 3, 1]


def test_a_spec_of_attention_in_a_file_gives_its_outputs(file: str) -> None:
    network = open_network(file)
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


def test_constants_that_are_zeros_and_left_out_of_the_file_are_none(tmp_path: Path) -> None:
    """Before training all constants are zeros, and the exporter leaves out those of the last projection alone."""

    class Fresh(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.attend(x, x, x, need_weights=False)[0]

    path = exported(Fresh(), (torch.randn(5, 2, 12),), tmp_path / "fresh.onnx", dynamo=True)
    network = open_network(path)
    (row,) = analyze(network).rows
    # Four matrices of 12·12, and constants of three projections; 5 positions, 2 samples.
    assert (row.name, int(row.parameters)) == ("attend", 4 * 144 + 36)
    assert row.macs == 2 * (4 * 144 * 5 + 2 * 5 * 5 * 12)
    made = state(network)
    assert "bias: [query, key, value]" in made.text


def square(*, window: int = 9) -> Tensor:
    """A mask that hides what comes later, and what lies further back than a window."""
    apart = torch.arange(5)[:, None] - torch.arange(5)
    return torch.where((apart < 0) | (apart >= window), float("-inf"), 0.0)


class Fed(nn.Module):
    """Attention into attention, which the exporter joins, one called again by itself, and masks of the code's own."""

    def __init__(self) -> None:
        super().__init__()
        options: dict[str, Any] = {"batch_first": True}
        self.one, self.other = nn.MultiheadAttention(12, 3, **options), nn.MultiheadAttention(12, 2, **options)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.one(x, x, x, attn_mask=square(), need_weights=False)[0]
        seen = self.other(seen, seen, seen, need_weights=False)[0]
        return self.other(seen, x, x, need_weights=False)[0]


def test_attention_that_is_fed_into_another_called_again_or_causal_has_the_rows_of_its_module(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, given = varied(Fed()), torch.randn(2, 5, 12)
    network = open_network(exported(module, (given,), tmp_path / "fed.onnx", dynamo=True))
    assert rows(network) == rows(trace(module, given))
    assert [row.label for row in analyze(network).rows] == [
        "causal attention, 3 heads", "attention, 2 heads", "attention, 2 heads",
    ]  # fmt: skip
    # Four matrices of 12·12 with 48 constants, twice: the third row has the weights of the second.
    assert [int(row.parameters) for row in analyze(network).rows] == [624, 624, 0]
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


def test_a_mask_that_hides_more_than_what_comes_later_is_not_causal(tmp_path: Path) -> None:
    class Near(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(12, 3, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attend(x, x, x, attn_mask=square(window=2), need_weights=False)[0]

    path = exported(varied(Near()), (torch.randn(1, 5, 12),), tmp_path / "near.onnx", dynamo=True)
    totals, made = analyze(open_network(path)).totals, analyze(open_network(path)).rows
    assert "multihead_attention" not in {row.type for row in made}
    assert (totals.parameters, totals.macs) == (624, 4 * 144 * 5 + 2 * 25 * 12)


class Again(nn.Module):
    """Modules that are called twice, whose matrices the exporter turns: attention to itself, and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.attend, self.norm = nn.MultiheadAttention(12, 3, batch_first=True), nn.LayerNorm(12)
        self.dense = nn.Linear(12, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.attend(x, x, x, need_weights=False)[0])
        x = self.attend(x, x, x, need_weights=False)[0]
        return self.dense(self.dense(x).relu())


def test_layers_of_the_same_weights_that_lie_the_other_way_round_are_those_of_the_module(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, given = varied(Again()), torch.randn(2, 5, 12)
    network = open_network(exported(module, (given,), tmp_path / "again.onnx", dynamo=True))
    assert rows(network) == rows(trace(module, given))
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


class Itself(nn.Module):
    """Attention to itself, without a mask and with one that hides what comes later."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = (nn.MultiheadAttention(12, heads, batch_first=True) for heads in (3, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.one(x, x, x)[0]
        return self.other(x, x, x, attn_mask=square(), need_weights=False)[0]


def test_attention_of_the_older_exporter_that_names_no_classes_has_the_rows_of_its_module(tmp_path: Path) -> None:
    module = varied(Itself()).eval()
    path = exported(module, (torch.randn(2, 5, 12),), tmp_path / "old.onnx", dynamo=False, opset_version=17)
    network = open_network(path)
    assert rows(network) == rows(trace(module, torch.randn(2, 5, 12)))
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


class Heads(nn.Module):
    """Causal attention by hand, with a buffer of what is seen, or by PyTorch's function."""

    def __init__(self, *, fused: bool) -> None:
        super().__init__()
        self.inner, self.last = varied(nn.Linear(12, 36)), varied(nn.Linear(12, 12))
        self.fused = fused
        self.register_buffer("seen", torch.ones(5, 5).tril()[None, None])

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (each.view(*x.shape[:2], 3, 4).transpose(1, 2) for each in self.inner(x).split(12, 2))
        if self.fused:
            made = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1) / 2).masked_fill(self.seen == 0, float("-inf"))
            made = scores.softmax(-1) @ v
        return self.last(made.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("fused", [True, False])
def test_causal_attention_by_hand_of_any_batch_is_a_layer(fused: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, given = Heads(fused=fused), torch.randn(3, 5, 12)
    path = exported(module, (given,), tmp_path / "heads.onnx", dynamo=True, dynamic_shapes={"x": {0: "batch"}})
    network = open_network(path)
    (attention,) = [row for row in analyze(network).rows if "attention" in row.label]
    # 3 heads of 5·5 products of 4 features, twice, of one sample.
    assert (attention.label, attention.output, attention.macs) == ("causal dot-product attention", (3, 5, 4), 600)
    assert analyze(network).totals.connections == 5 * (13 * 36 + 13 * 12)
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


class Asked(nn.Module):
    """Attention by PyTorch's function, with a mask that hides some or none."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.inner, self.last, self.mask = varied(nn.Linear(12, 36)), varied(nn.Linear(12, 12)), mask

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (each.view(*x.shape[:2], 3, 4).transpose(1, 2) for each in self.inner(x).split(12, 2))
        made = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)
        return self.last(made.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize(
    ("mask", "label"),
    [(torch.ones(5, 5, dtype=torch.bool), "dot-product attention"), (torch.zeros(5, 5), "dot-product attention"),
     (square(), "causal dot-product attention"), (torch.ones(5, 5).tril().bool(), "causal dot-product attention")],
)  # fmt: skip
def test_attention_with_a_mask_that_says_what_an_option_does_is_a_layer(
    mask: Tensor, label: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module, given = Asked(mask), torch.randn(1, 5, 12)
    network = open_network(exported(module, (given,), tmp_path / "asked.onnx", dynamo=True))
    assert rows(network) == rows(trace(module, given))
    assert [row.label for row in analyze(network).rows if "attention" in row.label] == [label]
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


def test_a_mask_that_hides_something_else_stays_a_row_and_what_stands_behind_its_softmax_does_not(
    tmp_path: Path,
) -> None:
    path = exported(Asked(square(window=2)), (torch.randn(1, 5, 12),), tmp_path / "asked.onnx", dynamo=True)
    made = [(row.label, row.activation) for row in analyze(open_network(path)).rows]
    at = made.index(("add", "softmax"))
    assert [made[at - 1], made[at + 1]] == [("matrix product", None)] * 2


GUARDED = """
net (float[1,4] x) => (float y, float z) {
    a = Softmax(x)
    lost = IsNaN(a)
    zero = Constant<value = float {%s}>()
    b = Where(lost, zero, a)
    y = Relu(b)
    z = Relu(%s)
}
"""


@pytest.mark.parametrize(
    ("zero", "read", "left"),
    [("0", "b", 3), ("1", "b", 5), ("0", "a", 5)],
)  # fmt: skip
def test_zeros_for_what_is_no_number_are_part_of_a_softmax_that_nothing_else_reads(
    zero: str, read: str, left: int, tmp_path: Path
) -> None:
    assert len(open_network(onnx_file(tmp_path, GUARDED % (zero, read))).nodes) == left


@pytest.mark.parametrize("given", ["a", "lost"])
def test_a_softmax_that_a_file_hands_out_itself_keeps_what_stands_behind_it(given: str, tmp_path: Path) -> None:
    text = (GUARDED % ("0", "b")).replace("float z", f"{'bool' if given == 'lost' else 'float'} {given}")
    assert len(open_network(onnx_file(tmp_path, text.replace("    z = Relu(b)\n", ""))).nodes) == 4


@pytest.mark.parametrize(
    ("number", "operator", "left"),
    [(0, "Add", 1), (1, "Mul", 1), (1, "Add", 2), (0, "Mul", 2)],
)
def test_what_changes_nothing_is_no_row_unless_it_makes_more(
    number: int, operator: str, left: int, tmp_path: Path
) -> None:
    text = "net (float[1,%s] x) => (float y) { a = Relu(x) k = Constant<value = float[2,4] {%s}>() y = %s(a, k) }"
    same, more = (
        open_network(onnx_file(tmp_path, text % (shape, ",".join([str(number)] * 8), operator)))
        for shape in ("2,4", "1,4")
    )
    assert (len(same.nodes), len(more.nodes)) == (left, 2)


def test_a_weight_of_zeros_is_a_weight(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[1,4] x) => (float y) { a = Relu(x) y = Add(a, b) }", b=np.zeros(4, "f"))
    network = open_network(path)
    assert (len(network.nodes), analyze(network).totals.parameters) == (3, 4)


LATER, SEEN, LOW = (0, -1e9, 0, 0), (True, False, True, True), -1e9


@pytest.mark.parametrize(
    ("kind", "numbers", "hides"),
    [
        ("Add", [LATER], True),
        ("Add", [(0, -1.0, 0, 0)], False),
        ("Add", [(0, 0, -1e9, 0)], False),
        ("Add", [(0, -1e9, 0.5, 0)], False),
        ("Mul", [LATER], False),
        ("Where", [SEEN, None, (LOW,)], True),
        ("Where", [SEEN, (LOW,), None], False),
        ("Where", [(False, True, False, False), (LOW,), None], True),
        ("Where", [SEEN, None, (-1.0,)], False),
        ("Where", [SEEN, None, None], False),
        ("Where", [(True, True, False, True), None, (LOW,)], False),
    ],
)
def test_what_hides_what_comes_later_and_nothing_else_is_told(
    kind: str, numbers: list[tuple[Any, ...] | None], hides: bool
) -> None:
    said = {str(place): Constant((2, 2) if len(each) == 4 else (), each) for place, each in enumerate(numbers) if each}
    names = tuple(map(str, range(max(len(numbers), 2))))
    assert hides_later(Operator(kind, names, ("y",)), said.get) is hides
    assert not hides_later(Operator(kind, names, ("y",), domain="other"), said.get)


class Masked(nn.Module):
    """PyTorch's attention with its mask in a buffer, its batch behind time."""

    def __init__(self) -> None:
        super().__init__()
        self.attend, self.last = varied(nn.MultiheadAttention(12, 3)), nn.Linear(12, 4)
        self.register_buffer("mask", square())

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        return self.last(self.attend(x, x, x, attn_mask=self.mask, need_weights=False)[0]).transpose(0, 1)


def test_a_causal_mask_in_a_buffer_is_no_weight(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, given = Masked(), torch.randn(2, 5, 12)
    network = open_network(exported(module, (given,), tmp_path / "masked.onnx", dynamo=True))
    found = [(row.label, row.output, row.fixed) for row in analyze(network).rows]
    assert found == [("causal attention, 3 heads", (5, 12), 0), ("linear", (5, 4), 0)]


class Merged(nn.Module):
    """Positions in front of the samples, and both in one axis for a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = nn.Linear(12, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x.transpose(0, 1))
        return self.last(x.reshape(-1, 8).exp()).view(x.shape).transpose(0, 1)


def test_positions_before_samples_in_one_axis_are_those_of_one_sample(tmp_path: Path) -> None:
    path = exported(varied(Merged()), (torch.randn(3, 5, 12),), tmp_path / "merged.onnx", dynamo=True)
    totals, last = analyze(open_network(path)).totals, analyze(open_network(path)).rows
    assert {row.output for row in last} == {(5, 8)}
    # 5 positions of 8 units with 12 or 8 lines and a constant.
    assert totals.connections == 5 * (8 * 13 + 8 * 9)
    assert totals.macs == 3 * 5 * (8 * 12 + 8 * 8)
