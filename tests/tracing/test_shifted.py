"""Biases, sub-sampling and distances that code writes out are the layers that they are, with every line of theirs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope import analyze, build, trace
from archscope.network import Network
from archscope.opening import open_network

Pool = Callable[[Tensor], Tensor]
POOLS: dict[str, tuple[Pool, float | None]] = {
    "sums": (lambda x: F.avg_pool2d(x, 2) * 4, None),
    "sums by a divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=1), None),
    "averages": (lambda x: F.avg_pool2d(x, 2), 0.25),
    "halves by a divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=2), 0.5),
    "averages, overlapping": (lambda x: F.avg_pool2d(x, 3, 2), 1 / 9),
}


class Pooled(nn.Module):
    """LeCun's sub-sampling by hand, behind a convolution."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 5)
        self.pool = pool
        self.weight, self.bias = nn.Parameter(torch.randn(6, 1, 1)), nn.Parameter(torch.randn(1, 6, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.bias + self.weight * self.pool(self.conv(x)))


def alike(module: nn.Module, network: Network, *shape: int) -> None:
    """What archscope builds of what it read makes the same of the same weights."""
    model = build(network).eval()
    model.load_state_dict(module.state_dict())
    given = torch.randn(2, *shape)
    with torch.no_grad():
        assert torch.allclose(model(given), module.eval()(given), atol=1e-5)


@pytest.mark.parametrize("name", POOLS)
def test_sub_sampling_by_hand_has_the_lines_of_every_unit(name: str) -> None:
    pool, factor = POOLS[name]
    module = Pooled(pool)
    network = trace(module, (1, 32, 32))
    rows = {row.label: row for row in analyze(network).rows}
    (found,) = [row for label, row in rows.items() if label.startswith("subsampling")]
    # 6 weights and 6 biases; 6 maps of 14·14, or 13·13 units with 2·2 + 1, or 3·3 + 1 lines.
    overlaps = name.endswith("overlapping")
    assert (found.parameters, found.connections) == (12, 10 * 6 * 13 * 13 if overlaps else 5 * 6 * 14 * 14)
    assert (found.activation, analyze(network).totals.parameters) == ("tanh", 156 + 12)
    scales = [node.layer.factor for node in network.nodes if node.layer.type == "scale"]  # type: ignore[attr-defined]
    assert scales == pytest.approx([] if factor is None else [factor])
    alike(module, network, 1, 32, 32)


LEFT: dict[str, Pool] = {
    "padded": lambda x: F.avg_pool2d(x, 2, padding=1),
    "beyond the edge": lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True),
    "shifted": lambda x: F.avg_pool2d(x, 2) * 4 + 1,
    "shifted alone": lambda x: F.avg_pool2d(x, 2) + 1,
    "largest": lambda x: F.max_pool2d(x, 2),
}


@pytest.mark.parametrize("name", LEFT)
def test_other_pools_times_a_factor_are_no_sub_sampling(name: str) -> None:
    module = Pooled(LEFT[name])
    network = trace(module, (1, 32, 32))
    assert "subsampling" not in [node.layer.type for node in network.nodes]
    alike(module, network, 1, 32, 32)


class Biased(nn.Module):
    """Layers whose biases are added by hand."""

    def __init__(self, *, kept: bool = False, twice: bool = False, by: tuple[int, ...] = (4, 1, 1)) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4, 5, bias=False)
        self.shift, self.far = nn.Parameter(torch.randn(by)), nn.Parameter(torch.randn(5))
        self.kept, self.twice = kept, twice

    def forward(self, x: Tensor) -> Tensor:
        made = self.conv(x)
        x = made + self.shift
        x = x + made if self.kept else x + self.shift if self.twice else x
        return self.last(x.mean((-2, -1))) + self.far


def test_a_bias_by_hand_is_the_layers() -> None:
    module = Biased()
    network = trace(module, (3, 8, 8))
    # A window of 3·3·3 and a constant at each of 6·6 places of 4 maps; 4 lines and a constant of 5 units.
    rows = [(row.name, row.parameters, row.connections) for row in analyze(network).rows]
    assert [rows[0], rows[-1]] == [("conv", 27 * 4 + 4, 28 * 4 * 36), ("last", 25, 25)]
    assert sum(parameters for _, parameters, _ in rows) == 112 + 25
    alike(module, network, 3, 8, 8)


@pytest.mark.parametrize("options", [{"kept": True}, {"twice": True}, {"by": (1, 6, 6)}, {"by": (1, 1, 1)}])
def test_what_else_reads_a_layer_or_its_constants_leaves_both(options: dict[str, bool]) -> None:
    network = trace(Biased(**options), (3, 8, 8))  # type: ignore[arg-type]
    conv = analyze(network).rows[0]
    assert (conv.name, conv.parameters, conv.connections) == ("conv", 108, 27 * 4 * 36)
    assert analyze(network).totals.parameters == 108 + 25 + (
        36 if options.get("by") == (1, 6, 6) else 1 if options.get("by") == (1, 1, 1) else 4
    )


class Distances(nn.Module):
    """Euclidean units by hand."""

    def __init__(self, how: str, *, trained: bool) -> None:
        super().__init__()
        codes = torch.randn(3, 4)
        self.codes: Tensor
        if trained:
            self.codes = nn.Parameter(codes)
        else:
            self.register_buffer("codes", codes)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        apart = x.unsqueeze(-2) - self.codes
        if self.how == "absolute":
            return apart.abs().sum(-1)
        return (apart * apart if self.how == "product" else apart**2).sum(-1)


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("how", ["power", "product"])
def test_squared_distances_by_hand_are_units(how: str, trained: bool) -> None:
    module = Distances(how, trained=trained)
    network = trace(module, (4,))
    (row,) = analyze(network).rows
    assert (row.label, row.parameters, row.fixed) == ("Euclidean RBF", 12 * trained, 12 * (not trained))
    assert (row.connections, row.macs) == (12, 12)


def test_other_distances_are_none() -> None:
    network = trace(Distances("absolute", trained=True), (4,))
    assert "rbf" not in [node.layer.type for node in network.nodes]


@pytest.mark.parametrize("name", ["lenet5-1998", "lenet1", "lecun1989"])
def test_a_network_of_a_paper_has_its_numbers_as_an_exported_program(name: str, tmp_path: Path) -> None:
    spec = archscope.load(name)
    (shape,) = spec.inputs.values()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(build(spec).eval(), (torch.zeros(1, *shape),)), tmp_path / "net.pt2")
    ours, theirs = (analyze(each).totals for each in (spec, open_network(tmp_path / "net.pt2")))
    assert (theirs.parameters, theirs.fixed) == (ours.parameters, ours.fixed)
    assert (theirs.connections, theirs.macs) == (ours.connections, ours.macs)


class Untied(nn.Module):
    """A convolution with a bias for every unit, which code adds."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 5, 3, bias=False)
        self.bias = nn.Parameter(torch.randn(5, places, places))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.conv(x) + self.bias
        return made


def test_a_bias_for_every_unit_is_the_convolutions_and_no_units_of_its_own() -> None:
    network = trace(Untied(6), (4, 8, 8))
    (row,) = analyze(network).rows
    # 3·3·4 lines and a bias at each of 6·6·5 units.
    assert (row.units, row.connections, row.parameters) == (180, 180 * 37, 180 + 180)
    assert "untie" in str(network.nodes[0].layer.stated())


def test_a_bias_for_every_map_stays_one_where_a_map_is_one_value() -> None:
    network = trace(Untied(1), (4, 3, 3))
    (row,) = analyze(network).rows
    assert (row.units, row.connections) == (5, 5 * 37)
    assert "untie" not in str(network.nodes[0].layer.stated())


class Unshared(nn.Module):
    """A kernel and a bias for each place, in an `einsum`."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels, self.bias = nn.Parameter(torch.randn(3, 36, 12)), nn.Parameter(torch.randn(3, 36))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = torch.einsum("nlk,bkl->bnl", self.kernels, F.unfold(x, (2, 2))) + self.bias
        return made


def test_biases_of_kernels_that_are_not_shared_are_lines_of_their_units() -> None:
    totals = analyze(trace(Unshared(), (3, 7, 7))).totals
    assert (totals.units, totals.connections) == (3 * 36, 3 * 36 * 13)
