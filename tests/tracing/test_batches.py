"""The batch is no axis of a sample, wherever a module takes it; shapes are the same however many run at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, build, trace


class Moves(nn.Module):
    """One layer of a 1×1 kernel or of the last axis, and then something."""

    def __init__(self, way: Callable[[Tensor], Any], layer: nn.Module) -> None:
        super().__init__()
        self.way, self.layer = way, layer

    def forward(self, x: Tensor) -> Any:
        return self.way(self.layer(x))


def conv() -> nn.Module:
    return nn.Conv2d(1, 1, 1)


@pytest.mark.parametrize(
    ("way", "shape"),
    [
        # Of one sample of 1×4×6; every axis of one value could be that of a batch of one.
        (lambda x: x.permute(1, 2, 3, 0) * 2, (1, 4, 6)),
        (lambda x: x.permute(1, 2, 3, 0).contiguous().exp(), (1, 4, 6)),
        (lambda x: x.permute(3, 1, 0, 2).exp(), (6, 1, 4)),
        (lambda x: x.transpose(0, 1).exp(), (1, 4, 6)),
        (lambda x: x.movedim(0, -1).exp(), (1, 4, 6)),
        (lambda x: x.movedim((0, 1), (2, 3)).exp(), (4, 6, 1)),
        (lambda x: torch.einsum("bchw->whcb", x).exp(), (6, 4, 1)),
        (lambda x: torch.rot90(x, 1, (0, 2)).exp(), (4, 1, 6)),
        (lambda x: x.permute(1, 2, 3, 0).sum(0), (4, 6)),
        (lambda x: x.permute(1, 2, 3, 0).flatten(0, 1).exp(), (4, 6)),
        (lambda x: x.permute(1, 2, 3, 0).reshape(-1, x.shape[0]).t().exp(), (24,)),
        (lambda x: x.permute(2, 0, 1, 3).softmax(0), (4, 1, 6)),
        (lambda x: x.unsqueeze(0).exp(), (1, 1, 4, 6)),
        (lambda x: x[None].transpose(0, 1).exp(), (1, 1, 4, 6)),
        (lambda x: x.squeeze(1).exp(), (4, 6)),
        (lambda x: x.repeat_interleave(3, 2).exp(), (1, 12, 6)),
        (lambda x: x.expand(-1, 5, -1, -1).exp(), (5, 4, 6)),
        (lambda x: x.mean(0).exp(), (1, 4, 6)),
        (lambda x: x.mean(0, keepdim=True).expand_as(x) + x, (1, 4, 6)),
        (lambda x: torch.stack([each.flatten() for each in x]).exp(), (24,)),
        (lambda x: torch.cat([each[None].flatten(1) for each in x]).exp(), (24,)),
        (lambda x: torch.stack([each[0] for each in x.unbind(0)], -1).exp(), (4, 6)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("batch", [1, 3])
def test_shapes_are_those_of_one_sample_wherever_the_batch_goes(way: Any, shape: tuple[int, ...], batch: int) -> None:
    analysis = analyze(trace(Moves(way, conv()), torch.zeros(batch, 1, 4, 6)))
    assert analysis.rows[-1].output == shape
    assert analysis.totals.macs == batch * 24


@pytest.mark.parametrize(
    ("way", "shape"),
    [
        (lambda x: torch.cat([x, x]).exp(), (2, 1, 4, 6)),
        (lambda x: torch.cat([x, x * 2]).chunk(2)[1].exp(), (1, 4, 6)),
        (lambda x: x.repeat(3, 1, 1, 1).exp(), (3, 4, 6)),
        (lambda x: x.tile(3, 1, 1, 1).exp(), (3, 4, 6)),
    ],
)
def test_every_sample_several_times_is_shown_so_often(way: Any, shape: tuple[int, ...]) -> None:
    shown = analyze(trace(Moves(way, conv()), torch.zeros(3, 1, 4, 6))).rows[-1].output
    assert torch.Size(shown).numel() == torch.Size(shape).numel()


def test_a_layer_over_the_samples_themselves_shows_all_of_them() -> None:
    analysis = analyze(trace(Moves(lambda x: x, nn.Linear(1, 3)), (4, 1)))
    assert analysis.rows[-1].output == (4, 3)
    over = Moves(lambda x: x, nn.Sequential(Turned(), nn.Linear(1, 3)))
    assert analyze(trace(over, (1, 4, 6))).rows[-1].output == (1, 4, 6, 3)


class Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.permute(1, 2, 3, 0)


class Samples(nn.Module):
    """A loop over samples, each worked on by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fc(self.conv(each).flatten()) for each in x])


def test_a_loop_over_samples_is_built_as_layers_of_one_sample() -> None:
    module = Samples()
    network = trace(module, (1, 4, 6))
    assert [node.layer.type for node in network.nodes] == ["conv2d", "flatten", "linear"]
    built = build(network)
    built.load_state_dict(module.state_dict())
    given = torch.randn(5, 1, 4, 6)
    assert torch.allclose(built(given), module(given), atol=1e-6)


def test_a_second_batch_runs_only_where_shapes_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    from archscope.tracing import running

    runs: list[int] = []
    once = running.run_once

    def counted(module: Any, call: Any, *rest: Any) -> Any:
        runs.append(call.batch)
        return once(module, call, *rest)

    monkeypatch.setattr(running, "run_once", counted)
    trace(Moves(lambda x: x.permute(1, 2, 3, 0).exp().flatten(0, 2).t().softmax(1), conv()), (1, 4, 6))
    assert runs == [1]
    trace(Moves(lambda x: x.movedim(0, -1).exp(), conv()), (1, 4, 6))
    assert runs == [1, 1, 2, 1]
