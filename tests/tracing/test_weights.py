"""Weights that a module's own code reads are loaded by their names there, or the layer says that it is another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import archscope
from archscope import analyze, trace
from archscope.building.padding import CroppedConvTranspose1d, SidedConv1d
from archscope.recognising.function import Function
from archscope.writing.pytorch import write_pytorch
from tests.writing.test_source import executed


class Does(nn.Module):
    def __init__(self, way: Any, **parts: Any) -> None:
        super().__init__()
        self.way = way
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *given: Tensor) -> Any:
        return self.way(self, *given)


def weight(*shape: int, **options: Any) -> nn.Parameter:
    return nn.Parameter(torch.rand(*shape, **options))


@pytest.mark.parametrize(
    ("way", "parts", "shape", "types"),
    [
        (lambda _, x: torch.stack([x, x.exp()], 1), {}, (4, 5), ["exp", "stack"]),
        (lambda _, x: torch.stack((x, x.exp()), dim=-1), {}, (4, 5), ["exp", "stack"]),
        (lambda s, x: torch.stack([s.fc(v) for v in x.unbind(1)], 1), {"fc": nn.Linear(5, 3)}, (2, 5),
         ["select", "select", "linear", "linear", "stack"]),
        (lambda _, x: x.repeat(1, 2, 3), {}, (4, 5), ["repeat"]),
        (lambda _, x: x.repeat([1, 1, 2]).tile(2), {}, (4, 5), ["repeat", "repeat"]),
        (lambda _, x: x.repeat(1, 1, 1).exp(), {}, (4, 5), ["exp"]),
        (lambda _, x: torch.min(x, dim=-1, keepdim=True)[0], {}, (4, 5), ["min"]),
        (lambda _, x: x.amin((1, 2), keepdim=True), {}, (4, 5), ["min"]),
        (lambda _, x: x.logsumexp(1), {}, (4, 5), ["logsumexp"]),
        (lambda _, x: x.std(1), {}, (4, 5), ["std"]),
        (lambda _, x: x.std(-1, False, True), {}, (4, 5), ["std"]),
        (lambda _, x: torch.var(x, dim=1, correction=0), {}, (4, 5), ["var"]),
        (lambda _, x: x.var(1, unbiased=False, keepdim=True), {}, (4, 5), ["var"]),
        (lambda _, x: torch.max(x, x.exp()), {}, (4, 5), ["exp", "maximum"]),
        (lambda _, x: torch.minimum(x, x.exp()), {}, (4, 5), ["exp", "minimum"]),
        (lambda s, x: torch.maximum(x, s.floor), {"floor": weight(5)}, (4, 5), ["parameter", "maximum"]),
        (lambda s, x: x.exp() ** s.p, {"p": weight(4, 1)}, (4, 5), ["exp", "parameter", "pow"]),
        (lambda _, x: F.normalize(x), {}, (4, 5), ["normalize"]),
        (lambda _, x: F.normalize(x, p=1, dim=-1, eps=1e-6), {}, (4, 5), ["normalize"]),
        (lambda s, x: torch.einsum("bij,jk->bik", x, s.w), {"w": weight(5, 5)}, (4, 5), ["linear"]),
        (lambda s, x: torch.einsum("bij, kj -> bik", x, s.w), {"w": weight(5, 5)}, (4, 5), ["linear"]),
        (lambda _, x: torch.einsum("bcij->bijc", [x]), {}, (4, 5, 6), ["permute"]),
        (lambda _, x: torch.einsum("bij,bjk->bik", x, x), {}, (4, 4), ["matmul"]),
        (lambda _, x: torch.einsum("bid,bjd->bij", x, x.exp()), {}, (4, 5), ["exp", "transpose", "matmul"]),
        (lambda _, x: torch.einsum("bihd,bjhd->bhij", x, x), {}, (4, 2, 3), ["transpose", "permute", "matmul"]),
        (lambda _, x: torch.einsum("bij,bjhd->bihd", x[..., 0] @ x[..., 0].mT, x), {}, (4, 2, 3), None),
    ],
)  # fmt: skip
def test_functions_of_few_words_are_layers_that_give_their_values(
    way: Any, parts: dict[str, Any], shape: tuple[int, ...], types: list[str] | None
) -> None:
    module = Does(way, **parts)
    network = trace(module, shape)
    if types is None:  # two axes of its own and one summed: no product of matrices
        assert isinstance(network.nodes[-1].layer, Function)
        return
    assert [node.layer.type for node in network.nodes] == types
    built = archscope.build(network)
    built.load_state_dict(module.state_dict())
    given = torch.randn(3, *shape)
    assert torch.allclose(built(given), module(given), atol=1e-5)
    written = executed(write_pytorch(network), network.name)
    if not parts:
        assert torch.allclose(written(given), module(given), atol=1e-5)
    with FlopCounterMode(display=False) as counter:
        module(given[:1])
    assert analyze(network).totals.flops == counter.get_total_flops()


@pytest.mark.parametrize(
    ("way", "parts", "shape", "types"),
    [
        (lambda s, x: x @ s.w, {"w": weight(4, 5)}, (4,), ["linear"]),
        (lambda s, x: x @ s.w, {"w": weight(4, 4)}, (3, 4), ["linear"]),
        (lambda s, x: x @ s.w.T, {"w": weight(4, 4)}, (4,), ["linear"]),
        (lambda s, x: x @ s.w.transpose(-2, -1), {"w": weight(5, 4)}, (6, 4), ["linear"]),
        (lambda s, x: x @ s.w.to(x.dtype), {"w": weight(4, 4, dtype=torch.float64)}, (4,), ["linear"]),
        (lambda s, x: s.w @ x, {"w": weight(4, 4)}, (4, 6), ["parameter", "matmul"]),
        (lambda s, x: F.linear(x, s.weight, s.bias), {"weight": weight(5, 4), "bias": weight(5)}, (4,), ["linear"]),
        (lambda s, x: F.linear(x, s.w.T, s.b), {"w": weight(4, 4), "b": weight(4)}, (4,), ["linear"]),
        (lambda s, x: torch.addmm(s.b, x, s.w), {"w": weight(4, 4), "b": weight(4)}, (4,), ["linear"]),
        (lambda s, x: F.conv2d(x, s.w[:, :, None, None]), {"w": weight(4, 2)}, (2, 5, 6), ["conv2d"]),
        (lambda s, x: F.layer_norm(x, (4,), s.gain, s.shift), {"gain": weight(4), "shift": weight(4)}, (6, 4),
         ["layer_norm"]),
        (lambda s, x: (x @ s.w) @ s.w, {"w": weight(4, 4)}, (4,), ["linear", "linear"]),
        (lambda s, x: s.inner(x) * 2, {"inner": Does(lambda s, x: x @ s.w, w=weight(4, 4))}, (4,), ["linear", "scale"]),
    ],
)  # fmt: skip
def test_a_weight_is_loaded_by_the_name_it_has_in_the_module(
    way: Any, parts: dict[str, Any], shape: tuple[int, ...], types: list[str]
) -> None:
    module = Does(way, **parts)
    network = trace(module, shape)
    assert [node.layer.type for node in network.nodes] == types
    built = archscope.build(network)
    built.load_state_dict(module.state_dict())
    given = torch.randn(3, *shape)
    assert torch.allclose(built(given), module(given), atol=1e-6)


@pytest.mark.parametrize(
    ("way", "parts", "shape", "label", "macs"),
    [
        (lambda s, x: x @ (s.w * 2), {"w": weight(4, 4)}, (4,), "linear, weights made of others", 16),
        (lambda s, x: F.linear(x, s.w.exp()), {"w": weight(4, 4)}, (4,), "linear, weights made of others", 16),
        # A kernel whose upper half is cut off by a mask that nobody holds.
        (lambda s, x: F.conv2d(x, s.w * torch.ones(3, 3, device=x.device).tril()), {"w": weight(4, 2, 3, 3)}, (2, 5, 6),
         "conv 3×3, weights made of others", 18 * 4 * 12),
        (lambda s, x: F.layer_norm(x, (4,), s.w + 1), {"w": weight(4)}, (6, 4), "layer_norm", 0),
        (lambda s, x: (x @ s.w) @ s.w.T, {"w": weight(4, 4)}, (4,), "linear, weights of `linear`", 32),
    ],
)  # fmt: skip
def test_a_layer_whose_weights_are_made_of_others_is_not_the_plain_one(
    way: Any, parts: dict[str, Any], shape: tuple[int, ...], label: str, macs: int
) -> None:
    module = Does(way, **parts)
    network = trace(module, shape)
    analysis = analyze(network)
    assert isinstance(network.nodes[-1].layer, Function)
    assert network.nodes[-1].layer.label == label
    assert (analysis.totals.macs, analysis.totals.parameters) == (macs, parts["w"].numel())
    with pytest.raises(archscope.UsageError, match="no layer that can be made"):
        archscope.build(network)


@pytest.mark.parametrize(
    ("way", "parts", "shape", "label", "numbers"),
    [
        # A low rank beside a weight: 12·2·8 products make the weights, 12·8 use them.
        (lambda s, x: F.linear(x, s.w + s.a @ s.b), {"w": weight(12, 8), "a": weight(12, 2), "b": weight(2, 8)}, (8,),
         "linear, weights made of others", (0, 96, 96)),
        (lambda s, x: x @ (s.w + s.a @ s.b).T, {"w": weight(12, 8), "a": weight(12, 2), "b": weight(2, 8)}, (5, 8),
         "linear, weights made of others", (0, 480, 480)),
        (lambda s, x: F.linear(x, s.l.weight + 0.5 * (s.a @ s.b), s.l.bias),
         {"l": nn.Linear(8, 12), "a": weight(12, 2), "b": weight(2, 8)}, (8,),
         "linear, weights made of others", (12, 108, 96)),
        (lambda s, x: F.linear(x, torch.einsum("or,rs,is->oi", s.a, s.g, s.b), s.bias),
         {"a": weight(12, 2), "g": weight(2, 2), "b": weight(8, 2), "bias": weight(12)}, (8,),
         "linear, weights made of others", (12, 108, 96)),
        # Kernels of low rank, and those that a layer makes of a learned code: 8 maps of 3·3·3 lines at 6·6 places.
        (lambda s, x: F.conv2d(x, (s.a @ s.b).view(8, 3, 3, 3)), {"a": weight(8, 2), "b": weight(2, 27)}, (3, 8, 8),
         "conv 3×3, weights made of others", (0, 7776, 7776)),
        (lambda s, x: F.conv2d(x, s.h(s.z).view(8, 3, 3, 3), s.bias),
         {"h": nn.Linear(5, 216), "z": weight(5), "bias": weight(8)}, (3, 8, 8),
         "conv 3×3, weights made of others", (8, 8064, 7776)),
        (lambda s, x: F.conv_transpose1d(x, (s.a @ s.b).view(3, 4, 2), stride=2),
         {"a": weight(3, 2), "b": weight(2, 8)}, (3, 5), "transposed conv 2 /2, weights made of others", (0, 120, 120)),
    ],
)  # fmt: skip
def test_a_layer_whose_weights_are_worked_out_by_products_has_its_lines(
    way: Any, parts: dict[str, Any], shape: tuple[int, ...], label: str, numbers: tuple[int, int, int]
) -> None:
    module = Does(way, **parts)
    analysis = analyze(trace(module, shape))
    node = analysis.network.nodes[-1]
    facts = analysis.network.facts[node.name]
    assert node.layer.label == label
    assert (facts.parameters, facts.connections, facts.macs) == numbers
    assert analysis.totals.parameters == sum(each.numel() for each in module.parameters())
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, *shape))
    assert analysis.totals.flops == counter.get_total_flops()


def test_a_kernel_that_each_sample_makes_for_itself_has_no_lines_that_are_known() -> None:
    def way(s: Any, x: Tensor) -> Tensor:
        kernels = s.h(x.mean((2, 3))).reshape(-1, 3, 3, 3)
        return F.conv2d(x.reshape(1, -1, 8, 8), kernels, groups=len(x)).view(len(x), 2, 6, 6)

    network = trace(Does(way, h=nn.Linear(3, 54)), (3, 8, 8))
    (facts,) = [network.facts[node.name] for node in network.nodes if node.layer.label == "conv2d"]
    assert (facts.macs, facts.connections) == (2 * 36 * 27, None)


@pytest.mark.parametrize("shapes", [((5, 4), (6, 4)), ((4, 4), (4, 4))])
def test_a_product_of_two_values_that_inputs_reach_is_no_layer_with_weights(shapes: Any) -> None:
    network = trace(Does(lambda s, x, y: s.a(x) @ s.b(y).T, a=nn.Linear(4, 4), b=nn.Linear(4, 4)),
                    *map(torch.zeros, shapes))  # fmt: skip
    assert "weights made of others" not in network.nodes[-1].layer.label
    assert network.facts[network.nodes[-1].name].connections == 0


class _Registers(nn.Module):
    """A class token and some register tokens in front of a sequence, as vision transformers have them."""

    def __init__(self, registers: int) -> None:
        super().__init__()
        self.token, self.registers = weight(1, 1, 4), weight(1, registers, 4)
        self.fc, self.out = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Any:
        tokens = [each.expand(len(x), -1, -1) for each in (self.token, self.registers)]
        return self.out(torch.cat([*tokens, self.fc(x)], 1))


@pytest.mark.parametrize("registers", [0, 1, 4])
def test_a_learned_value_of_no_values_is_none(registers: int) -> None:
    analysis = analyze(trace(_Registers(registers), (3, 4)))
    # The layer on 3 positions, the last one on those, the token and the registers.
    assert analysis.totals.macs == 3 * 16 + (4 + registers) * 8
    assert analysis.totals.parameters == 4 + 4 * registers + 20 + 10
    assert analysis.network.observed is not None
    assert not analysis.network.observed.unused
    assert [node.layer.type for node in analysis.network.nodes].count("parameter") == 1 + (registers > 0)
    built = archscope.build(analysis.network)
    assert built(torch.zeros(2, 3, 4)).shape == (2, 4 + registers, 2)


class Renamed(nn.Module):
    """A normalization whose tensors have names in another order than PyTorch's."""

    def __init__(self) -> None:
        super().__init__()
        self.b_shift, self.m_scale = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(3))
        self.register_buffer("a_mean", torch.zeros(3))
        self.register_buffer("z_var", torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.batch_norm(x, self.a_mean, self.z_var, self.m_scale, self.b_shift)


def test_weights_of_any_name_are_what_they_were_given_as() -> None:
    network = archscope.trace(Renamed(), (3, 4, 4))
    (node,) = network.nodes
    sources = {own: source.name for (_, own), source in network.observed.sources.items()}
    assert sources == {"weight": "m_scale", "bias": "b_shift", "running_mean": "a_mean", "running_var": "z_var"}
    trained = {weight.name: weight.trainable for weight in network.facts[node.name].weights}
    assert trained == {"weight": True, "bias": True, "running_mean": False, "running_var": False}


@pytest.mark.parametrize(
    ("way", "parts", "shape", "lines"),
    [
        (lambda s, x: F.linear(x, s.w, x.new_zeros(4)), {"w": weight(4, 5)}, (3, 5), 3 * 5 * 4),
        (lambda s, x: F.linear(x, s.w.exp(), x.new_ones(4)), {"w": weight(4, 5)}, (3, 5), 3 * 5 * 4),
        (lambda s, x: torch.addmm(x.new_zeros(1, 4), x[0], s.w), {"w": weight(5, 4)}, (3, 5), 3 * 5 * 4),
        (lambda s, x: F.conv1d(x, s.w, torch.ones(3, device=x.device)), {"w": weight(3, 3, 2)}, (3, 5), 4 * 3 * 2 * 3),
        # A bias that is learned, or worked out of what is, is weighed.
        (lambda s, x: F.linear(x, s.w, s.b), {"w": weight(4, 5), "b": weight(4)}, (3, 5), 3 * (5 + 1) * 4),
        (lambda s, x: F.linear(x, s.w, s.b * 2), {"w": weight(4, 5), "b": weight(4)}, (3, 5), 3 * (5 + 1) * 4),
    ],
)  # fmt: skip
def test_a_constant_that_a_layer_adds_is_no_line(
    way: Any, parts: dict[str, Any], shape: tuple[int, ...], lines: int
) -> None:
    network = trace(Does(way, **parts), shape)
    totals = analyze(network).totals
    assert (totals.connections, totals.parameters) == (lines, sum(each.numel() for each in parts.values()))
    adds = "a constant added" in str(network.nodes[-1].layer.label)
    assert adds == ("b" not in parts)


def tied(kind: Any, *names: str) -> nn.Module:
    """Two of a kind, each called once, some weights of the second those of the first."""
    one, other = kind().eval(), kind().eval()
    for name in names or [name for name, _ in one.named_parameters()]:
        owner, _, own = name.rpartition(".")
        setattr(other.get_submodule(owner), own, one.get_parameter(name))

    def both(self: Any, x: Tensor) -> Tensor:
        given = (x, x, x) if isinstance(self.one, nn.MultiheadAttention) else (x,)
        made, more = self.one(*given), self.other(*given)
        return made[0] + more[0] if isinstance(made, tuple) else made + more  # type: ignore[no-any-return]

    return Does(both, one=one, other=other).eval()


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # PyTorch's exporter says so of recurrence
@pytest.mark.parametrize("program", [False, True])
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (lambda: nn.LSTM(6, 6, batch_first=True), ()),
        (lambda: nn.GRU(6, 6, batch_first=True), ("weight_hh_l0",)),
        (lambda: nn.MultiheadAttention(6, 2, batch_first=True), ()),
        (lambda: nn.MultiheadAttention(6, 2, batch_first=True), ("out_proj.weight",)),
        (lambda: SidedConv1d(6, 6, 3, sides=((1, 2),)), ()),
        (lambda: CroppedConvTranspose1d(6, 6, 3, sides=((1, 2),)), ()),
        (lambda: nn.Conv1d(6, 6, 3), ()),
    ],
)  # fmt: skip
def test_weights_that_two_modules_share_are_counted_once(kind: Any, names: tuple[str, ...], program: bool) -> None:
    net, x = tied(kind, *names), torch.rand(1, 6, 6)
    found = analyze(torch.export.export(net, (x,))) if program else analyze(net, x)
    assert found.totals.parameters == sum(each.numel() for each in net.parameters())
    first, second = (row for row in found.rows if row.macs)
    assert (first.connections, first.macs) == (second.connections, second.macs)
