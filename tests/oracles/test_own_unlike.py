"""Modules unlike layers: learned values that are read as they are, copies, complex numbers, norms of their own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from archscope.oracles import Verdict
from archscope.oracles.own.conventions import ELSEWHERE
from archscope.oracles.own.torchinfo import TABLE
from archscope.tracing.inputs import Given
from tests.oracles.own_modules import OF_A_MODULE, asked, called, total


class Latents(nn.Module):
    """A view of a parameter is what a module is given."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.reads = nn.Embedding(20, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.latents, self.out = nn.Parameter(torch.zeros(4, 8)), nn.Linear(8, 20, bias=False)
        self.out.weight = self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        seen = self.table(ids)
        return self.out(self.reads(self.latents.expand(len(ids), -1, -1), seen, seen, need_weights=False)[0])


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_views_of_parameters_and_tied_weights_are_no_difference_wherever_a_module_was_made(device: str) -> None:
    with torch.device(device):
        module = Latents()
    found = asked(called(module, ids=torch.zeros(1, 6, dtype=torch.long)))
    assert [each.sentence for each in found.differing] == []
    assert total(found, "module", "parameters").theirs == 20 * 8 + (4 * 8 + 4) * 8 + 4 * 8
    again = total(found, "torchinfo", "parameters")  # the head once more, and the latents not at all
    assert again.theirs == 20 * 8 + (4 * 8 + 4) * 8 + 20 * 8
    assert "32 that a module with others in it holds itself are lost" in again.why
    assert total(found, "FLOPs").theirs


class Places(nn.Module):
    """Words and counted places: rows of a table by numbers that stand in the code."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.head = nn.Embedding(30, 8), nn.Embedding(16, 8), nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device)))


def test_a_table_that_is_a_learned_value_is_not_what_torchinfo_counts_and_nothing_differs() -> None:
    found = asked(called(Places(), ids=torch.zeros(1, 6, dtype=torch.long)))
    assert [each.sentence for each in found.differing] == []
    (only,) = [each for each in found.of(Verdict.NOT_COVERED) if (each.witness, each.layer) == ("torchinfo", "places")]
    assert "here it is a learned value, which multiplies nothing" in only.why


class Cell(nn.Module):
    """Takes states; without values PyTorch adds whole numbers to others, with them it does not."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 8)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        return self.cell(x, (h, c))[0]


def test_what_runs_on_nothing_and_not_on_numbers_is_not_covered() -> None:
    stated = {"x": Given((4,), "int64"), "h": Given((8,), "float32"), "c": Given((8,), "float32")}
    found = asked(called(Cell(), **stated), *OF_A_MODULE, "memory")
    assert found.differing == ()
    told = {each.witness: each.why for each in found.of(Verdict.NOT_COVERED) if each.layer is None}
    assert "it does not run with values: mat1 and mat2 must have the same dtype" in told["module"]
    assert "memory" in told


class Spectral(nn.Module):
    """A kernel of complex numbers, as a Fourier neural operator has them, beside one that a probe can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.kernel = nn.Conv1d(2, 3, 3), nn.Parameter(torch.ones(3, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.fft.rfft(self.conv(x))
        return torch.fft.irfft(torch.einsum("bcf,c->bcf", seen, self.kernel))


def test_a_field_is_probed_beside_complex_weights() -> None:
    found = asked(called(Spectral(), (2, 12)), "field")
    assert found.verdict("conv", "field") is Verdict.AGREES


class Copied(nn.Module):
    """What runs is a copy of its layer, which no tool knows by its name; one vector of four goes through it."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([copy.deepcopy(self.dense)(each) for each in x])


def test_a_copy_that_runs_in_place_of_a_layer_is_told_from_what_a_tool_is_blind_to() -> None:
    found = asked(called(Copied(), (4,)), "torchinfo", "FLOPs", "memory")
    assert [each.sentence for each in found.differing] == []
    told = {each.witness: each.why for each in found.of(Verdict.NOT_COVERED) if each.layer == "dense"}
    assert told == dict.fromkeys(("torchinfo", "FLOPs"), ELSEWHERE)


class Repeats(nn.Module):
    """A learned map for each sample, copied and not only seen; and a kernel that nobody trains."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.conv = nn.Parameter(torch.zeros(1, 4, 6, 6)), nn.Conv2d(4, 4, 3, padding=1)
        self.requires_grad_(False)
        self.map.requires_grad_(True)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.map.repeat(x.shape[0], 1, 1, 1)) * x


def test_copies_of_weights_and_layers_that_nobody_trains_are_no_difference_of_memory() -> None:
    assert [each.sentence for each in asked(called(Repeats(), (4, 6, 6)), "memory").differing] == []
    fixed = nn.Conv2d(2, 3, 3).requires_grad_(False)
    assert [each.sentence for each in asked(called(nn.Sequential(fixed), (2, 6, 6)), "memory").differing] == []


class Turned(nn.Module):
    """Positions as angles of complex numbers, as in the authors' Llama: no table of sines that a rule could follow."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 4)
        self.register_buffer("angles", torch.polar(torch.ones(3, 2), torch.ones(3, 2)))

    def forward(self, x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(self.dense(x).reshape(*x.shape[:-1], 2, 2))
        return torch.view_as_real(pairs * self.angles).flatten(-2)


def test_a_table_of_complex_numbers_is_not_taken_for_real_ones() -> None:
    found = asked(called(Turned(), (3, 4)), "module", "FLOPs")  # a warning of PyTorch's would be an error here
    assert found.differing == ()
    assert found.analysis.totals.macs == 3 * 4 * 4


class Refers(nn.Module):
    """Where learned queries look, with two axes of one value more, as in attention that samples a map."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.refer, self.bend = nn.Parameter(torch.randn(5, 8)), nn.Linear(8, 2), nn.Linear(8, 12)

    def forward(self, x: Tensor) -> Tensor:
        queries = self.queries.expand(len(x), -1, -1)
        places = self.refer(queries)[:, :, None, None] + self.bend(queries).view(len(x), -1, 2, 3, 2)
        return places * x


def test_axes_of_what_is_there_once_for_all_samples_stay_so() -> None:
    found = asked(called(Refers(), (5, 2, 3, 2)), "memory")
    assert [each.sentence for each in found.differing] == []
    assert [each.why for each in found.of(Verdict.NOT_COVERED)]


class OwnNorm(nn.Module):
    """A norm by its root of mean squares, as everybody writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Biased(nn.Module):
    """Attention with a bias by distance, which is looked up in a table of vectors, behind a norm of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.table, self.out = OwnNorm(), nn.Embedding(32, 2), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        heads = x.view(len(x), 5, 2, 3).transpose(1, 2)
        later = torch.arange(5)[None] - torch.arange(5)[:, None]
        bias = self.table((later > 0) * 16 + later.abs()).permute(2, 0, 1).unsqueeze(0)
        scores = heads @ heads.transpose(2, 3) + bias
        return self.out((scores.softmax(-1) @ heads).transpose(1, 2).reshape(len(x), 5, 6))


def test_a_norm_and_a_table_of_distances_that_the_module_writes_itself_are_what_they_are() -> None:
    found = asked(called(Biased(), (5, 6)))
    types = {row.name: row.type for row in found.analysis.rows}
    assert (types["norm"], types["table"]) == ("rms_norm", "relative_position_bias")
    assert [each.sentence for each in found.differing] == []
    norm = [each.why for each in found.cell("norm", "Jacobian")]
    assert norm == ["its statistics join every output to every input, by lines without weights"] * 2
    (table,) = [each for each in found.cell("table", "torchinfo") if each.quantity == "macs"]
    assert table.why == TABLE
