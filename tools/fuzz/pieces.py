"""Pieces of modules that people write and no layer type describes, over ``(batch, positions, features)``."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

POSITIONS: Final = 5

Piece = Callable[[Random, int], tuple[nn.Module, int]]
"""Makes a module over so many features, and says how many it makes."""
_Run = Callable[..., Tensor]


class Does(nn.Module):
    """A module that does what a function says, with parts."""

    def __init__(self, run: _Run, **parts: Any) -> None:
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        """Run it."""
        return self.run(self, x)


def _weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(*shape))


# Attention and sequences


def _turned(x: Tensor) -> Tensor:
    """Rotary positions."""
    half = x.shape[-1] // 2
    rates = 1.0 / 10000 ** (torch.arange(half, device=x.device, dtype=x.dtype) / half)
    angles = torch.arange(x.shape[1], device=x.device, dtype=x.dtype)[:, None] * rates
    cos, sin, u, v = angles.cos(), angles.sin(), x[..., :half], x[..., half : 2 * half]
    return torch.cat([u * cos - v * sin, u * sin + v * cos, x[..., 2 * half :]], -1)


def _heads_of_groups(random: Random, wide: int) -> tuple[nn.Module, int]:
    way = random.randint(0, 2)

    def run(s: Any, x: Tensor) -> Tensor:
        batch, many, _ = x.shape
        q = _turned(s.q(x)).view(batch, many, 4, 2).transpose(1, 2)
        k, v = (each.view(batch, many, 2, 2).transpose(1, 2) for each in (_turned(s.k(x)), s.v(x)))
        if way == 2:
            made = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            return cast(Tensor, s.o(made.transpose(1, 2).reshape(batch, many, 8)))
        if way == 0:
            k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
        else:
            k, v = (z[:, :, None].expand(-1, -1, 2, -1, -1).reshape(batch, 4, many, 2) for z in (k, v))
        later = torch.triu(torch.ones(many, many, dtype=torch.bool, device=x.device), 1)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(2)).masked_fill(later, float("-inf")).softmax(-1)
        return cast(Tensor, s.o((scores @ v).transpose(1, 2).flatten(2)))

    return Does(run, q=nn.Linear(wide, 8), k=nn.Linear(wide, 4), v=nn.Linear(wide, 4), o=nn.Linear(8, wide)), wide


def _linear_attention(random: Random, wide: int) -> tuple[nn.Module, int]:
    way = random.randint(0, 2)

    def run(s: Any, x: Tensor) -> Tensor:
        q, k, v = s.q(x).chunk(3, -1)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        if way == 0:
            above = torch.einsum("btd,bde->bte", q, torch.einsum("btd,bte->bde", k, v))
            return cast(Tensor, above / torch.einsum("btd,bd->bt", q, k.sum(1))[..., None])
        return torch.einsum("bqd,bkd,bke->bqe", q, k, v) if way == 1 else torch.matmul(q, torch.matmul(k.mT, v))

    return Does(run, q=nn.Linear(wide, 3 * wide)), wide


def _cells(_: Random, wide: int) -> tuple[nn.Module, int]:
    def run(s: Any, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), x.shape[-1])
        made = []
        for place in range(x.shape[1]):
            h, c = s.c(x[:, place], (h, c))
            made.append(h)
        return torch.stack(made, 1)

    return Does(run, c=nn.LSTMCell(wide, wide)), wide


def _packed(random: Random, wide: int) -> tuple[nn.Module, int]:
    def run(s: Any, x: Tensor) -> Tensor:
        lengths = torch.tensor([x.shape[1]] * len(x))
        made, _ = s.r(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(made, batch_first=True, total_length=x.shape[1])[0]

    return Does(run, r=random.choice((nn.LSTM, nn.GRU, nn.RNN))(wide, wide, batch_first=True)), wide


def _scanned(random: Random, wide: int) -> tuple[nn.Module, int]:
    """A recurrence as one operation over steps, or as a loop that a tensor ends."""
    way = random.randint(0, 2)

    def run(s: Any, x: Tensor) -> Tensor:
        if way == 0:
            from torch._higher_order_ops.scan import scan

            last, every = scan(lambda h, v: (h * 0.5 + v @ s.w, h.clone()), x[:, 0] * 0, x, dim=1)
            return cast(Tensor, every.reshape(x.shape) + last[:, None])
        if way == 1:
            from torch._higher_order_ops.while_loop import while_loop

            start = torch.zeros((), dtype=torch.int64)
            return cast(Tensor, while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, (y @ s.w).tanh()), (start, x))[1])
        step, y = torch.zeros((), dtype=torch.int64), x
        while step < 2:
            y, step = (y @ s.w).tanh(), step + 1
        return y

    return Does(run, w=_weight(wide, wide)), wide


# Gathers, windows, boxes


def _experts(random: Random, wide: int) -> tuple[nn.Module, int]:
    way = random.randint(0, 3)

    def run(s: Any, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        best, which = s.r(flat).softmax(-1).max(-1)
        if way == 0:
            made = torch.zeros_like(flat)
            for place, each in enumerate(s.e):
                taken = slice(place, place + 2)
                made.index_add_(0, torch.arange(2, device=x.device) + place, each(flat[taken]) * best[taken, None])
            return made.view_as(x)
        if way == 1:
            every = torch.stack([each(flat) for each in s.e], 1)
            chosen = every.gather(1, which[:, None, None].expand(-1, 1, flat.shape[-1])).squeeze(1)
            return cast(Tensor, chosen.view_as(x) * best.view(*x.shape[:-1], 1))
        if way == 2:
            made = torch.zeros_like(flat)
            for place, each in enumerate(s.e):
                rows = (which == place).nonzero().squeeze(-1)
                made[rows] = each(flat[rows]) * best[rows, None]
            return made.view_as(x)
        of = torch.zeros(len(flat), 3, device=x.device, dtype=x.dtype).scatter(1, which[:, None], 1.0)
        return cast(Tensor, sum(each(flat) * of[:, n : n + 1] for n, each in enumerate(s.e)).view_as(x))

    return Does(run, r=nn.Linear(wide, 3), e=nn.ModuleList(nn.Linear(wide, wide) for _ in range(3))), wide


def _windows(random: Random, wide: int) -> tuple[nn.Module, int]:
    def unfolded(s: Any, x: Tensor) -> Tensor:
        return F.pad(s.l(x.transpose(1, 2).unfold(2, 3, 1).permute(0, 2, 1, 3).flatten(2)), (0, 0, 1, 1))

    def columns(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, s.l(F.unfold(x.transpose(1, 2).unsqueeze(-1), (3, 1), padding=(1, 0)).transpose(1, 2)))

    return Does(random.choice((unfolded, columns)), l=nn.Linear(3 * wide, 4)), 4


def _sampled(random: Random, wide: int) -> tuple[nn.Module, int]:
    """Values from where offsets say: of a grid, or gathered between two neighbours and weighted by one matrix."""

    def grid(s: Any, x: Tensor) -> Tensor:
        offsets = s.o(x).tanh()
        places = torch.stack([offsets[..., 0], torch.zeros_like(offsets[..., 0])], -1).unsqueeze(1)
        made = F.grid_sample(x.transpose(1, 2).unsqueeze(2), places, align_corners=False)
        return made.squeeze(2).transpose(1, 2)

    def deformed(s: Any, x: Tensor) -> Tensor:
        batch, many, _ = x.shape
        at = torch.arange(many, device=x.device, dtype=x.dtype)[None, :, None] + s.o(x).tanh().repeat(1, 1, 3)
        at = (at + torch.tensor([-1.0, 0.0, 1.0], device=x.device)).clamp(0, many - 1)
        below = at.floor().long()
        above, part = (below + 1).clamp(max=many - 1), (at - at.floor())[..., None]
        rows = torch.arange(batch, device=x.device)[:, None, None]
        taken = x[rows, below] * (1 - part) + x[rows, above] * part
        return torch.einsum("btkc,kco->bto", taken, s.w)

    return Does(random.choice((grid, deformed)), o=nn.Linear(wide, 1), w=_weight(3, wide, wide)), wide


def _boxes(random: Random, wide: int) -> tuple[nn.Module, int]:
    """Spans that scores keep, the best first and those beside it dropped, and what is pooled in each."""
    listed = random.random() < 0.5

    def run(s: Any, x: Tensor) -> Tensor:
        made = []
        for each in x:
            scores, kept = s.o(each).squeeze(-1), list[Any]()
            order = scores.argsort(descending=True)
            while order.numel():
                kept.append(int(order[0]) if listed else order[0])
                order = order[1:][(order[1:] - order[0]).abs() > 1]
            spans = [each[max(int(at) - 1, 0) : int(at) + 2].amax(0) for at in kept]
            made.append(each + s.p(torch.stack(spans)).mean(0))
        return torch.stack(made)

    return Does(run, o=nn.Linear(wide, 1), p=nn.Linear(wide, wide)), wide


def _nested(random: Random, wide: int) -> tuple[nn.Module, int]:
    layout = random.choice((torch.jagged, torch.strided))

    def run(s: Any, x: Tensor) -> Tensor:
        given = torch.nested.as_nested_tensor([each[: 2 + n % 3] for n, each in enumerate(x)], layout=layout)
        made = torch.nested.to_padded_tensor(s.l(given).relu(), 0.0)
        return F.pad(made, (0, 0, 0, x.shape[1] - made.shape[1]))

    return Does(run, l=nn.Linear(wide, wide)), wide


# Weights that are made, shared, mapped


class _Symmetric(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        """Make it so."""
        return weight.triu() + weight.triu(1).transpose(-1, -2)


class _LowRank(nn.Module):
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.a, self.b = _weight(wide, 1), _weight(1, wide)

    def forward(self, weight: Tensor) -> Tensor:
        """Add a product of two."""
        return weight + self.a @ self.b


def _parametrized(random: Random, wide: int) -> tuple[nn.Module, int]:
    ways: tuple[Callable[[nn.Module], nn.Module], ...] = (
        lambda m: parametrize.register_parametrization(m, "weight", _Symmetric()),
        lambda m: parametrize.register_parametrization(m, "weight", _LowRank(wide)),
        parametrizations.spectral_norm, parametrizations.weight_norm,
        lambda m: parametrizations.orthogonal(m, orthogonal_map="cayley"),
        lambda m: parametrizations.orthogonal(m, orthogonal_map="matrix_exp"),
        nn.utils.spectral_norm, nn.utils.weight_norm,
    )  # fmt: skip
    return random.choice(ways)(nn.Linear(wide, wide)).eval(), wide


def _hyper(_: Random, wide: int) -> tuple[nn.Module, int]:
    def run(s: Any, x: Tensor) -> Tensor:
        return torch.bmm(x, s.h(x.mean(1)).view(-1, x.shape[-1], x.shape[-1]))

    return Does(run, h=nn.Linear(wide, wide * wide)), wide


class _Tied(nn.Module):
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(wide, wide, bias=False), nn.Linear(wide, wide)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        """One matrix three times, once turned."""
        return F.linear(self.b(self.a(x)).relu(), self.a.weight.t())


def _functional(random: Random, wide: int) -> tuple[nn.Module, int]:
    """`torch.func`: other weights in a layer's place, and derivatives inside a forward pass."""
    func = torch.func

    def doubled(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.functional_call(s.l, {k: v * 2 for k, v in s.l.named_parameters()}, (x,)))

    def forward_mode(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.jvp(lambda v: s.l(v).tanh(), (x,), (torch.ones_like(x),))[1])

    def slope(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.grad(lambda v: s.l(v).tanh().sum())(x))

    def pulled(s: Any, x: Tensor) -> Tensor:
        made, back = func.vjp(lambda v: s.l(v), x)
        return cast(Tensor, back(made)[0])

    def each(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.vmap(func.grad(lambda v: s.l(v).tanh().sum()))(x))

    run = random.choice((doubled, doubled, forward_mode, slope, pulled, each))
    return Does(run, l=nn.Linear(wide, wide)), wide


def _mapped(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda s, x: torch.vmap(lambda w: x @ w)(s.w).mean(0), lambda s, x: torch.vmap(lambda v: v @ s.w[0])(x),
        lambda s, x: torch.vmap(lambda v, w: v @ w, in_dims=(None, 0), out_dims=1)(x, s.w).sum(1),
        lambda s, x: torch.vmap(torch.vmap(lambda v: torch.mv(s.w[0], v)))(x),
        lambda s, x: torch.vmap(lambda v: F.linear(v, s.w[0]).softmax(-1), chunk_size=1)(x),
    ))  # fmt: skip
    return Does(run, w=_weight(3, wide, wide)), wide


def _convolved(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda s, x: s.c(x), lambda s, x: s.t(x), lambda s, x: torch.vmap(lambda v: s.c(v[None])[0])(x),
        lambda s, x: F.conv1d(x.flip(-1), s.c.weight.flip(-1), groups=x.shape[1], padding=1),
    ))  # fmt: skip
    parts = {"c": nn.Conv1d(wide, wide, 3, padding=1, groups=wide), "t": nn.ConvTranspose1d(wide, wide, 3, padding=1)}
    return Does(lambda s, x: run(s, x.transpose(1, 2)).transpose(1, 2), **parts), wide


# Products without a layer, other kinds of numbers


def _products(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda f, w: torch.addmm(f, f, w), lambda f, w: torch.linalg.multi_dot([f, w, w]),
        lambda f, w: f.matmul(w).mm(w.t()), lambda f, w: torch.inner(f, w), lambda f, w: torch.cdist(f, w.t()),
        lambda f, w: torch.stack([torch.mv(w, v) for v in f]), lambda f, w: f @ torch.linalg.matrix_power(w, 3),
        lambda f, w: torch.stack([torch.dot(v, w[0]) for v in f])[:, None] * f,
        lambda f, w: torch.addr(f, f[:, 0], w[0]),
        lambda f, w: F.bilinear(f, f, w[None].expand(len(w), -1, -1)), lambda f, w: torch.addbmm(f, f[None], w[None]),
        lambda f, w: f @ torch.linalg.inv(w @ w.t() + torch.eye(len(w), device=f.device)),
        lambda f, w: torch.linalg.solve(w @ w.t() + torch.eye(len(w), device=f.device), f.t()).t(),
    ))  # fmt: skip
    return Does(lambda s, x: run(x.reshape(-1, x.shape[-1]), s.w).reshape(x.shape), w=_weight(wide, wide)), wide


def _complex(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda _, x: torch.fft.fft2(x.float(), dim=(-2, -1)).real.to(x.dtype),
        lambda s, x: torch.fft.irfft(torch.fft.rfft(x.float(), dim=1) * s.f, n=x.shape[1], dim=1).to(x.dtype),
        lambda s, x: (torch.complex(x, x) @ s.w).abs(), lambda s, x: torch.view_as_real(x * s.w[0]).sum(-1),
        lambda s, x: torch.einsum("bti,io->bto", torch.polar(x, x), s.w).real,
    ))  # fmt: skip
    weights = {"w": nn.Parameter(torch.randn(wide, wide, dtype=torch.cfloat)),
               "f": nn.Parameter(torch.randn(POSITIONS // 2 + 1, wide, dtype=torch.cfloat))}  # fmt: skip
    return Does(run, **weights), wide


def _sparse(_: Random, wide: int) -> tuple[nn.Module, int]:
    made = Does(lambda s, x: torch.stack([torch.sparse.mm(s.a, each) for each in x]))
    made.register_buffer("a", torch.eye(POSITIONS).to_sparse())
    return made, wide


def _lower(random: Random, wide: int) -> tuple[nn.Module, int]:
    """A region in another type, and one in it that is not."""
    whole = random.random() < 0.5

    def run(s: Any, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type if x.device.type != "meta" else "cpu", torch.bfloat16):
            y = s.l(x)
            with torch.autocast("cpu", enabled=whole):
                y = y.float() @ s.l.weight
        return cast(Tensor, y.to(x.dtype))

    return Does(run, l=nn.Linear(wide, wide)), wide


# How code runs


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        """Of both."""
        x, w = ctx.saved_tensors
        return grads[0] @ w.t(), x.transpose(-1, -2) @ grads[0]


class _Plain(nn.Module):
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.l = nn.Linear(wide, wide)

    def forward(self, x: Tensor) -> Tensor:
        """Add to itself."""
        return torch.relu(self.l(x)) + x


_ANY_BATCH: Final = ({0: torch.export.Dim.DYNAMIC},)


def _wrapped(random: Random, wide: int) -> tuple[nn.Module, int]:
    ways: tuple[Callable[[nn.Module], nn.Module], ...] = (
        torch.jit.script, lambda m: torch.jit.trace(m, torch.rand(2, POSITIONS, wide)),
        lambda m: torch.compile(m), lambda m: torch.fx.symbolic_trace(m),
        lambda m: torch.ao.quantization.QuantWrapper(m),
        lambda m: torch.export.export(m, (torch.rand(2, POSITIONS, wide),), dynamic_shapes=_ANY_BATCH).module(),
    )  # fmt: skip
    return nn.Sequential(random.choice(ways)(_Plain(wide).eval())), wide


def _written(random: Random, wide: int) -> tuple[nn.Module, int]:
    def slices(s: Any, x: Tensor) -> Tensor:
        y = x.clone()
        y[:, :2] = s.l(x[:, :2])
        y[:, 2:] += s.l(y[:, 2:])
        y[..., 0].mul_(2)
        return y

    def in_place(s: Any, x: Tensor) -> Tensor:
        y = s.l(x)
        y += x
        y.relu_().addcmul_(x, x, value=0.5)
        return cast(Tensor, s.n(y).clamp_(min=-1))

    return Does(random.choice((slices, in_place)), l=nn.Linear(wide, wide), n=nn.LayerNorm(wide)), wide


def _again(random: Random, wide: int) -> tuple[nn.Module, int]:
    reentrant = random.random() < 0.3
    inner = random.random() < 0.5

    def run(s: Any, x: Tensor) -> Tensor:
        made = checkpoint(s.l if inner else lambda v: s.l(v).relu() @ s.l.weight, x, use_reentrant=reentrant)
        return cast(Tensor, checkpoint(torch.tanh, made, use_reentrant=False))

    return Does(run, l=nn.Linear(wide, wide)), wide


def _routed(_: Random, wide: int) -> tuple[nn.Module, int]:
    parts = nn.ModuleDict({"a": nn.Linear(wide, wide), "c": nn.Identity(),
                           "b": nn.Sequential(nn.Linear(wide, 3), nn.ReLU(), nn.Linear(3, wide))})  # fmt: skip
    return Does(lambda s, x: sum(s.d[key](x) for key in "abac"), d=parts), wide


def _autograd(_: Random, wide: int) -> tuple[nn.Module, int]:
    return Does(lambda s, x: _Product.apply(x, s.w), w=_weight(wide, wide)), wide


def _gated(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda s, x: x * torch.sigmoid(s.b(F.relu(s.a(x.mean(1)))))[:, None],
        lambda s, x: x + (s.b(s.a(x)).softmax(1) * x).sum(1, keepdim=True),
    ))  # fmt: skip
    return Does(run, a=nn.Linear(wide, 2), b=nn.Linear(2, wide)), wide


def _tied(_: Random, wide: int) -> tuple[nn.Module, int]:
    return _Tied(wide), wide


# What most modules are made of


def _usual(random: Random, wide: int) -> tuple[nn.Module, int]:
    kind = random.choice((nn.RNN, nn.LSTM, nn.GRU))
    each = random.choice((
        Does(lambda s, x: s.c(x.transpose(1, 2)).transpose(1, 2), c=nn.Conv1d(wide, 4, 3, padding=1)),
        Does(lambda s, x: s.r(x)[0], r=kind(wide, 4, random.randint(1, 2), batch_first=True)), nn.Linear(wide, 4),
        Does(lambda s, x: s.o(torch.cat([s.l(s.k).expand(len(x), -1, -1), x], 1))[:, :POSITIONS],
             k=_weight(1, 3, wide), l=nn.Linear(wide, wide), o=nn.Linear(wide, 4)),
    ))  # fmt: skip
    return each, 4


def _attention(random: Random, wide: int) -> tuple[nn.Module, int]:
    asked = random.random() < 0.5
    part = nn.MultiheadAttention(wide, 1, batch_first=True, add_zero_attn=random.random() < 0.3)
    return Does(lambda s, x: s.part(x, x, x, need_weights=asked)[0], part=part), wide


PIECES: Final[tuple[Piece, ...]] = (
    _heads_of_groups, _linear_attention, _cells, _packed, _scanned, _experts, _windows, _sampled, _boxes, _nested,
    _parametrized, _hyper, _functional, _mapped, _convolved, _products, _complex, _sparse, _lower, _wrapped, _written,
    _again, _routed, _autograd, _gated, _tied, _usual, _attention,
)  # fmt: skip
