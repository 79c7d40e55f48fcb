"""What torchinfo counts otherwise of a person's own module, and the reason that is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope.oracles import verify
from archscope.oracles.findings import Verdict
from archscope.oracles.own.torchinfo import ON_CONSTANTS
from archscope.tracing.calling import call_thing
from archscope.tracing.inputs import Given
from tests.oracles.own_modules import Small, asked, called, total


class Steps(nn.Module):
    """A cell in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for each in x.unbind(1):
            state = self.cell(each, state)
        return state[0]  # type: ignore[index]


def test_torchinfo_takes_the_units_of_a_cell_for_positions() -> None:
    found = asked(called(Steps(), (5, 3)), "torchinfo")
    assert [each.sentence for each in found.differing] == []
    assert total(found, "torchinfo").theirs == 5 * 4 * (4 * 4 * (3 + 4) + 2 * 4 * 4)
    assert total(found, "torchinfo").why.startswith("it takes the units of a recurrent cell for positions")


class Masked(nn.Conv2d):
    """As in PixelCNN: what stands below a pixel is not seen. Its class does not say that it is a convolution."""

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.ones_like(self.weight).triu()
        return nn.functional.conv2d(x, self.weight * seen, self.bias, padding=1)


class ConvexMix(nn.Module):
    """No convolution, for all its name."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 4))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight.softmax(-1))


def test_torchinfo_goes_by_the_names_of_classes() -> None:
    masked = asked(called(nn.Sequential(Masked(2, 4, 3)), (2, 6, 6)), "torchinfo")
    assert [each.sentence for each in masked.differing] == []
    assert total(masked, "torchinfo").theirs == 4 * 2 * 9 + 4
    assert "counts every parameter of such a module once" in total(masked, "torchinfo").why
    convex = asked(called(nn.Sequential(ConvexMix()), (3, 4)), "torchinfo")
    assert [each.sentence for each in convex.differing] == []
    assert (total(convex, "torchinfo").ours, total(convex, "torchinfo").theirs) == (3 * 20, 5 * 20)
    assert "takes a module for a convolution by its name" in total(convex, "torchinfo").why


class LowRank(nn.Module):
    """A low rank beside a weight, under names of its own but for the bias."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.bias = nn.Parameter(torch.ones(12, 8)), nn.Parameter(torch.ones(12))
        self.a, self.b = nn.Parameter(torch.ones(12, 2)), nn.Parameter(torch.ones(2, 8))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.w + self.a @ self.b, self.bias)


def test_torchinfo_counts_of_such_a_module_what_is_called_as_a_layers() -> None:
    found = asked(called(nn.Sequential(LowRank()), (8,)), "torchinfo")
    assert [each.sentence for each in found.differing] == []
    assert (total(found, "torchinfo").ours, total(found, "torchinfo").theirs) == (12 * 2 * 8 + 12 * 8, 12)
    assert "calls `weight` or `bias` once, and no other" in total(found, "torchinfo").why


def test_torchinfo_runs_a_module_whose_inputs_all_have_names() -> None:
    found = asked(called(Small(), x=(3, 32, 32)), "torchinfo")
    assert total(found, "torchinfo").theirs == 448 * 256 + 32 + 520 * 256 + 90


class One(nn.Module):
    """A dense layer on one sample at a time: 2·8 products, and torchinfo's (2·8 + 2)·2."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.dense(each) for each in x])


class Windows(nn.Module):
    """Four windows of four positions stand where samples do: 16·(2·3) products, and torchinfo's (2·3 + 3)·4."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x.reshape(-1, 4, 2)).reshape(x.shape[0], 16, 3)


class FramesNormed(nn.Module):
    """Five frames stand where samples do, and are normed: no products, and torchinfo's (4 + 4)·5."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.flatten(0, 1)).view_as(x)


@pytest.mark.parametrize(
    ("module", "shape", "counts", "why"),
    [
        (One(), (8,), (16, 36), "units of a dense layer that is given one vector for samples"),
        (Windows(), (16, 2), (96, 36), "takes the first axis that a dense layer is given for samples"),
        (FramesNormed(), (5, 4), (0, 40), "takes the first axis that such a module gives for samples"),
    ],
    ids=["one vector", "windows", "frames"],
)
def test_torchinfo_takes_for_samples_what_stands_first(
    module: nn.Module, shape: tuple[int, ...], counts: tuple[int, int], why: str
) -> None:
    found = asked(called(module, shape), "torchinfo")
    assert [each.sentence for each in found.differing] == []
    assert (total(found, "torchinfo").ours, total(found, "torchinfo").theirs) == counts
    assert why in total(found, "torchinfo").why


class Normed(nn.Module):
    """A convolution and a dense layer whose weights are made anew before each call, as PyTorch did it first."""

    def __init__(self) -> None:
        super().__init__()
        self.c = nn.utils.weight_norm(nn.Conv2d(3, 4, 3))
        self.l = nn.utils.spectral_norm(nn.Linear(4, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.l(self.c(x).mean((2, 3)))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
def test_torchinfo_is_explained_where_a_hook_makes_the_weights() -> None:
    called = call_thing(Normed(), [(3, 6, 6)], {})
    found = verify(called.network, ["torchinfo"], module=called)
    assert [each.sentence for each in found.differing] == []
    # (4 + 3·3·3·4)·4 units and 4 biases at 16 places; 4·5 weights at 5 units and 5 biases.
    said = {each.layer: each.theirs for each in found.findings if each.quantity == "macs" and each.layer}
    assert (said["c"], said["l"]) == (112 * 4 + 4 * 16, 20 * 5 + 5)


class SaysOn(nn.Module):
    """A decoder that begins with a word that nobody gave it: a call on words, and one on a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, 6), nn.Linear(6, 9)

    def forward(self, x: Tensor) -> Tensor:
        given = self.words(x).sum(1)
        return self.out(given * self.words(torch.zeros(len(x), dtype=torch.long)))


def test_torchinfo_counts_calls_on_constants_that_make_no_row() -> None:
    found = asked(call_thing(SaysOn(), [Given((5,), "int64")], {}), "torchinfo")
    assert [each.sentence for each in found.differing] == []
    (words,) = [each for each in found.findings if each.layer == "words" and each.quantity == "macs"]
    # Nine words of six values, in two calls, of which one makes a row.
    assert (words.theirs, words.why.rpartition("; ")[2]) == (2 * 9 * 6, ON_CONSTANTS)


class Splines(nn.Module):
    """A layer of a Kolmogorov-Arnold network: its weights have names of their own, and one has a bias in its name."""

    def __init__(self, wide: int, made: int) -> None:
        super().__init__()
        self.base_weight, self.spline_weight = (
            nn.Parameter(torch.ones(made, wide)),
            nn.Parameter(torch.ones(made, wide)),
        )
        self.scale, self.late_bias = nn.Parameter(torch.ones(made)), nn.Parameter(torch.ones(made))

    def forward(self, x: Tensor) -> Tensor:
        splines = nn.functional.linear(x.clamp(-1, 1), self.spline_weight * self.scale[:, None])
        return nn.functional.linear(x, self.base_weight) + splines + self.late_bias


class ConvSplines(Splines):
    """The same, by a name that torchinfo takes for a convolution's."""


@pytest.mark.parametrize("make", [Splines, ConvSplines])
def test_torchinfo_counts_weights_of_other_names_at_each_unit(make: type[Splines]) -> None:
    found = asked(called(nn.Sequential(make(6, 4), make(4, 3)), (6,)), "torchinfo")
    assert [each.sentence for each in found.differing] == []
    ours, theirs = 2 * (6 * 4 + 4 * 3), (48 + 4) * 4 + (24 + 3) * 3
    assert (total(found, "torchinfo").ours, total(found, "torchinfo").theirs) == (ours, theirs)
    assert total(found, "torchinfo").why.startswith("it takes weights of other names")


class Packed(nn.Module):
    """A recurrent layer over sequences of different lengths."""

    def __init__(self, layer: type[nn.RNNBase], *, samples_first: bool, **options: Any) -> None:
        super().__init__()
        self.layer, self.samples_first = layer(6, 4, **options), samples_first

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        steps = nn.utils.rnn.pack_padded_sequence(x, lengths, self.samples_first, enforce_sorted=False)
        out, _ = self.layer(steps)
        return nn.utils.rnn.pad_packed_sequence(out, self.samples_first)[0]


@pytest.mark.parametrize("samples_first", [True, False])
@pytest.mark.parametrize(
    ("layer", "options", "width"),
    [
        (nn.RNN, {}, 4),
        (nn.GRU, {"num_layers": 2, "bidirectional": True}, 8),
        (nn.LSTM, {"proj_size": 3, "bidirectional": True}, 6),
        (nn.LSTM, {"bias": False, "num_layers": 3}, 4),
    ],
)
def test_packed_sequences_agree_and_have_steps_where_torchinfo_looks_for_samples(
    layer: type[nn.RNNBase], options: dict[str, Any], width: int, *, samples_first: bool
) -> None:
    module = Packed(layer, samples_first=samples_first, **options)
    x = torch.randn(3, 7, 6) if samples_first else torch.randn(7, 3, 6)
    found = asked(called(module, x, torch.tensor([2, 7, 4])), "module", "torchinfo")
    assert [each.sentence for each in found.differing] == []
    looked = ("module", "layer", "output")
    (shape,) = [each for each in found.findings if (each.witness, each.layer, each.quantity) == looked]
    # Where time comes first, tensors do not say what their batch is: the numbers are those of all that ran.
    assert (shape.theirs, shape.verdict) == ((7 if samples_first else 2 + 7 + 4, width), Verdict.AGREES)
    ours = sum(each.numel() for name, each in module.named_parameters() if "weight" in name) * (2 + 7 + 4)
    theirs = sum(each.numel() for each in module.parameters()) * (2 + 7 + 4) * width
    assert (total(found, "torchinfo").ours, total(found, "torchinfo").theirs) == (ours, theirs)
    assert "takes the units of packed sequences for steps" in total(found, "torchinfo").why
