"""A law: the products of all rows of a random module are those that the dispatcher saw."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archscope import analyze, trace
from archscope.recognising.rules import RULES
from archscope.tracing.inputs import Call, Given
from archscope.tracing.running import Way, run_once
from archscope.working import count
from tests.tracing.common import COMMON
from tools.fuzz import pieces, products
from tools.fuzz.pieces import Does, attending

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


Block = Callable[[random.Random, int], tuple[nn.Module, int]]
"""Makes a module over ``(positions, features)`` of so many features, and says how many it makes."""


def _dense(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made = draw.randint(1, 9)
    return nn.Linear(wide, made, bias=draw.random() < 0.5), made


def _conv(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made, kernel = draw.randint(1, 6), draw.choice((1, 3))
    part = nn.Conv1d(wide, made, kernel, padding=kernel // 2, bias=draw.random() < 0.5)
    return Does(lambda s, x: s.part(x.transpose(1, 2)).transpose(1, 2), part=part), made


def _recurrent(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    kind, made, both = draw.choice((nn.RNN, nn.LSTM, nn.GRU)), draw.randint(1, 4), draw.random() < 0.5
    part = kind(wide, made, num_layers=draw.randint(1, 2), bidirectional=both, batch_first=True)
    return Does(lambda s, x: s.part(x)[0], part=part), made * (2 if both else 1)


def _attention(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    part = nn.MultiheadAttention(wide, 1, batch_first=True, add_zero_attn=draw.random() < 0.3)
    asked = draw.random() < 0.5
    return Does(lambda s, x: s.part(x, x, x, need_weights=asked)[0], part=part), wide


def _function(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made = draw.randint(1, 5)
    weight = nn.Parameter(torch.rand(wide, made))
    run = draw.choice((
        lambda s, x: torch.einsum("bij,jk->bik", x, s.w), lambda s, x: x @ s.w,
        lambda s, x: torch.bmm(x, s.w.expand(len(x), -1, -1)), lambda s, x: torch.tensordot(x, s.w, 1),
    ))  # fmt: skip
    return Does(run, w=weight), made


def _scores(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    if draw.random() < 0.5:
        return Does(lambda s, x: F.scaled_dot_product_attention(x, x, x)), wide
    return Does(lambda s, x: (x @ x.transpose(1, 2)).softmax(-1) @ x), wide


def _constant(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made = draw.randint(1, 5)
    parts = {"k": nn.Parameter(torch.rand(1, 3, wide)), "fc": nn.Linear(wide, wide), "out": nn.Linear(wide, made)}
    return Does(lambda s, x: s.out(torch.cat([s.fc(s.k).expand(len(x), -1, -1), x], 1)), **parts), made


def _tried(x: Tensor) -> Tensor:
    """A call that raises after half of it has run, and a constant that nobody reads."""
    torch.ones(3, device=x.device).sqrt()
    try:
        return F.linear(x, x.new_ones(2, x.shape[-1]), x.new_ones(3))
    except RuntimeError:
        return x.exp()


def _halves(x: Tensor) -> Tensor:
    made = torch.zeros_like(x)
    made[:, :2] = x[:, :2]
    made[:, 2:].add_(x[:, 2:])
    return made


def _plain(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    run = draw.choice((
        lambda s, x: x.relu() + x, lambda s, x: F.layer_norm(x, x.shape[-1:]), lambda s, x: x.flip(1).contiguous(),
        lambda s, x: torch.cat([x[:, :1], x[:, 1:] * 2], 1), lambda s, x: x.clone().add_(x.mean(1, keepdim=True)),
        lambda s, x: torch.stack(list(x * 2)), lambda s, x: x.masked_fill(x > 0, 0.0),
        lambda s, x: x + torch.arange(5, device=x.device)[:, None].flip(0) * 2, lambda s, x: x[:, [0, 2, 1]],
        lambda s, x: _tried(x) + x, lambda s, x: torch.vmap(torch.tanh)(x) + torch.zeros(1, device=x.device).cos(),
        lambda s, x: x.double().float().detach().view(x.shape), lambda s, x: _halves(x),
    ))  # fmt: skip
    return Does(run), wide


class Stands(NamedTuple):
    """How a module stands while it is read."""

    device: str
    dtype: torch.dtype
    training: bool
    grad: bool


WAYS = [Stands(*each) for each in product(("cpu", "meta"), (torch.float32, torch.bfloat16), (True, False),
                                          (True, False))]  # fmt: skip

BLOCKS: tuple[Block, ...] = (_dense, _conv, _recurrent, _attention, _function, _scores, _constant, _plain)


def _any_module(draw: random.Random) -> tuple[nn.Module, int]:
    """A module of up to six blocks, and how many features it takes."""
    wide = first = draw.randint(1, 8)
    parts: list[nn.Module] = []
    for _ in range(draw.randint(1, 6)):
        part, wide = draw.choice(BLOCKS)(draw, wide)
        parts.append(part)
    return nn.Sequential(*parts), first


@pytest.mark.parametrize("seed", range(40))
def test_the_rows_of_any_module_add_up_to_what_the_dispatcher_saw(seed: int) -> None:
    draw = random.Random(seed)
    module, first = _any_module(draw)
    batch = draw.choice((1, 1, 3))
    analysis = analyze(trace(module, torch.empty(batch, 5, first, device="meta")))
    run = run_once(module, Call((Given((5, first), "float32"),), batch=batch), ["x"], Way(False, False, False, True))
    seen = sum(int(each.macs or 0) for each in run.tracer.ledger.every)
    assert sum(int(row.macs or 0) for row in analysis.rows) == analysis.totals.macs == seen
    observed = analysis.network.observed
    assert observed is not None
    assert observed.ran.keys() == {node.name for node in analysis.network.nodes}
    assert sum(observed.ran.values()) == observed.operations == len(run.tracer.ledger.every)
    assert analysis.totals.parameters == sum(each.numel() for each in module.parameters())
    module.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        module(torch.empty(batch, 5, first, device="meta"))
    assert counter.get_total_flops() == 2 * seen


@pytest.mark.parametrize("piece", pieces.PIECES, ids=lambda each: each.__name__.strip("_"))
def test_the_rows_of_what_no_layer_type_describes_add_up_to_what_the_dispatcher_saw(piece: pieces.Piece) -> None:
    assert products.held(random.Random(1), [piece]) is None


@pytest.mark.parametrize("name", ["addmm", "bmm"])
def test_a_product_that_is_lost_or_made_up_breaks_the_law(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, f"aten::{name}", lambda *_: count(1))
    wrong = products.held(random.Random(1), [attending._linear_attention, attending._heads_of_groups])
    assert wrong is not None
    assert "PyTorch counts" in wrong


def _rows(module: nn.Module, given: list[Tensor], way: Stands) -> list[Any]:
    """What is said of a module that stands so, with gradients or without."""
    module = copy.deepcopy(module).to(way.device, way.dtype).train(way.training)
    with torch.set_grad_enabled(way.grad):
        analysis = analyze(trace(module, *[each.to(way.device, way.dtype) for each in given]))
    return [(row.name, row.type, row.outputs, row.macs, row.parameters, row.fixed, row.connections, row.receptive_field,
             row.label) for row in analysis.rows]  # fmt: skip


class _Masked(nn.Module):
    """Numbers that the code fills tensors with, in the type of its values and in the usual one."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.out = nn.Linear(6, 6), nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Any:
        left = torch.ones_like(x)
        most, at = self.gate(x).softmax(-1).topk(2, -1)
        x = x * torch.zeros_like(x).scatter(-1, at, most) * (left * 1.5 - x)
        return self.out(torch.cat([x, x.new_zeros(*x.shape[:-1], 4)], -1))


OWN: dict[str, tuple[Callable[[], nn.Module], tuple[tuple[int, ...], ...]]] = {**COMMON, "masked": (_Masked, ((5, 6),))}


@pytest.mark.parametrize("name", [name for name in OWN if name != "words of GPT"])
def test_no_row_of_a_common_module_depends_on_mode_device_type_or_gradients(name: str) -> None:
    make, shapes = OWN[name]
    torch.manual_seed(0)
    module = make()
    given = [torch.zeros(1, *shape) for shape in shapes]
    usual = _rows(module, given, WAYS[0])
    for way in (WAYS[-1], *random.Random(name).sample(WAYS, 1)):
        assert _rows(module, given, way) == usual, way


@pytest.mark.parametrize("seed", range(20))
def test_no_row_depends_on_mode_device_type_or_gradients(seed: int) -> None:
    draw = random.Random(seed)
    module, first = _any_module(draw)
    given = [torch.zeros(draw.choice((1, 3)), 5, first)]
    usual = _rows(module, given, Stands("cpu", torch.float32, training=False, grad=False))
    for way in draw.sample(WAYS, 3):
        assert _rows(module, given, way) == usual, way
