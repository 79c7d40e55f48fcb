"""The law of numbers that are "at least": PyTorch's tracker never says less, and the same where they are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.diagrams.plot import timeline
from archscope.diagrams.themes import theme
from archscope.memory import memory
from archscope.oracles import tracking
from archscope.oracles.own.memory import called
from archscope.tracing.calling import call_thing
from tests.memory.shared import differences

DOES: dict[str, Callable[[Net, Tensor], Tensor]] = {
    "weights in two bytes": lambda net, x: F.linear(x, net.small.float()),
    "a factor in two bytes": lambda net, x: x * net.small[0].float(),
    "a factor, and its exp": lambda net, x: x * net.own.exp() + net.own,
    "its exp, and a factor": lambda net, x: x * net.own + net.own.exp(),
    "a factor of itself": lambda net, x: (x + net.own) * (net.own * torch.sigmoid(net.own)),
    "rows": lambda net, x: x + net.places[: x.shape[1]],
    "two rows": lambda net, x: x * net.places[0] + net.places[1],
    "exp of rows": lambda net, x: x * net.places[: x.shape[1]].exp(),
    "a row, turned": lambda net, x: x + net.places.t()[:, 0],
    "a part, cut before": lambda net, x: x + net.places.chunk(2)[0][0],
    "one part, which is all": lambda _, x: x.exp().chunk(1, -1)[0],
    "all that is fed in": lambda net, x: net.own * x.chunk(1, -1)[0].narrow(1, 0, 8),
    "no narrower": lambda _, x: x.exp().narrow(1, 0, 8),
    "over": lambda _, x: 1 / x,
    "more over": lambda _, x: 2 / x.exp().sqrt(),
    "over, as a function": lambda _, x: torch.div(1, x),
    "more over, as a function": lambda _, x: torch.div(2, x),
    "a constant over": lambda _, x: torch.tensor(1.0) / x,
    "less, as a function": lambda _, x: torch.sub(1, x),
    "twice the other": lambda _, x: torch.add(x, x.exp(), alpha=2),
    "a constant and twice the other": lambda _, x: torch.add(torch.randn(16), x.exp(), alpha=2),
    "twice what is less": lambda _, x: torch.sub(torch.randn(16), x.exp(), alpha=2),
    "twice what is less, by name": lambda _, x: torch.sub(input=torch.randn(16), other=x.exp(), alpha=2),
    "less, by name": lambda _, x: torch.sub(input=torch.randn(16), other=x.exp()),
    "twice less": lambda _, x: torch.sub(x.exp(), torch.randn(16), alpha=2),
    "twice the other, turned about": lambda _, x: torch.rsub(x.exp(), 1.5, alpha=2),
    "complex": lambda _, x: torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (8, 2)))).flatten(2),
    "complex, twice": lambda _, x: torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (8, 2))) * 2).flatten(2),
    "places of the largest": lambda _, x: x.topk(4, -1)[0].repeat(1, 1, 4),
    "largest": lambda _, x: x.max(1, keepdim=True)[0] + x,
    "rounded": lambda _, x: x + (x.round() - x).detach(),
    "sorted": lambda _, x: x.sort(-1)[0],
    "turned round": lambda _, x: x.flip(1),
    "two bytes and four": lambda _, x: x.to(torch.bfloat16).float(),
    "four of two bytes": lambda net, x: x + x.to(torch.bfloat16).float() * net.own,
    "norm": lambda _, x: x / x.norm(dim=-1, keepdim=True),
    "known": lambda _, x: x.tanh(),
    "windows": lambda _, x: x.unfold(-1, 4, 4).reshape(x.shape),
    "windows one over another": lambda _, x: x.unfold(1, 3, 1).sum(-1),
    "along a diagonal": lambda _, x: x.diagonal(dim1=1, dim2=2)[..., None] * x[:, :8],
    "noise": lambda _, x: x + torch.randn_like(x) * 0.1,
    "noise as a factor": lambda _, x: x * torch.rand_like(x),
    "a turned copy": lambda net, x: x * net.small.float().t().reshape(-1)[:16],
    "turned, as a factor": lambda net, x: x * net.square.t(),
    "turned, in line": lambda net, x: x * net.square.t().reshape(-1)[:16],
    "singular values": lambda net, x: x + torch.linalg.svdvals(net.square)[0],
    "of a matrix of products": lambda net, x: (
        F.linear(x @ net.square, net.square) + torch.linalg.svdvals(net.square)[0]
    ),
    "one of an axis": lambda net, x: torch.cat((net.front[0].expand(len(x), -1, -1), x), 1),
    "rounded down": lambda _, x: x.floor() + x.ceil() * x.sign() + x.trunc().round(),
}


class Net(nn.Module):
    """Something between two dense layers, and parameters of all kinds."""

    def __init__(self, does: Callable[[Net, Tensor], Tensor]) -> None:
        super().__init__()
        self.a, self.out, self.does = nn.Linear(16, 16), nn.Linear(16, 3), does
        self.own, self.places = nn.Parameter(torch.ones(16)), nn.Parameter(torch.ones(40, 16))
        self.square, self.front = nn.Parameter(torch.ones(16, 8)), nn.Parameter(torch.ones(1, 3, 16))
        self.small = nn.Parameter(torch.ones(16, 16, dtype=torch.bfloat16))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.does(self, self.a(x)))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", DOES)
def test_what_is_at_least_is_never_more_than_the_tracker_says(name: str, batch: int) -> None:
    theirs = call_thing(Net(DOES[name]), [(8, 16)], {})
    for optimizer in (None, "adam"):
        held = memory(theirs.network, batch, optimizer=optimizer, as_tracked=True)
        tracked = tracking.tracked(lambda: called(theirs, batch), optimizer)
        for phase in held.phases:
            said = phase.after.total, phase.most.total
            if held.not_covered:
                assert all(ours <= other for ours, other in zip(said, tracked[phase.name], strict=True)), phase.name
            else:
                assert said == tracked[phase.name]


@pytest.mark.parametrize("name", ["over", "more over", "over, as a function", "less, as a function"])
def test_operations_that_run_for_one_division_are_followed_one_by_one(name: str) -> None:
    network = archscope.trace(Net(DOES[name]), (8, 16))
    assert not memory(network, 3, optimizer="adam").not_covered


def test_of_a_backward_pass_that_is_not_followed_its_ends_are_known() -> None:
    held = memory(archscope.trace(Net(DOES["rows"]), (8, 16)), 3, optimizer="sgd")
    assert held.not_covered
    backward = held["backward"]
    assert backward.most.total == max(held["start of backward"].after.total, backward.after.total)
    assert [moment for moment in held.track if moment.phase == "backward"] == [backward.most]
    assert timeline(held, theme("light")).items


class Biased(nn.Module):
    """Attention whose code takes queries, keys and values of one product, and a bias for each distance of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.projected, self.last = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8)
        self.table = nn.Parameter(torch.zeros(49, 2))
        row, column = (each.flatten() for each in torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij"))
        apart = (row[:, None] - row + 3) * 7 + column[:, None] - column + 3
        self.register_buffer("places", apart.flatten())

    def forward(self, x: Tensor) -> Tensor:
        batch = len(x)
        added = self.table[self.places].view(16, 16, -1).permute(2, 0, 1).contiguous()[None]
        q, k, v = self.projected(F.pad(self.norm(x), (0, 0, 0, 0))).view(batch, 16, 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = ((q * 0.5) @ k.transpose(-2, -1) + added).softmax(-1)
        return self.last((scores @ v).transpose(1, 2).reshape(batch, 16, 8)) + x


@pytest.mark.parametrize("batch", [1, 2])
def test_parts_that_may_be_copied_do_not_hold_the_whole_in_a_lower_bound(batch: int) -> None:
    why, wrong = differences(Biased(), (16, 8), "sgd", batch)
    assert "works on parameters beside its layers" in why
    assert not wrong, wrong
