"""Witnesses of modules whose values decide what runs: they run what was read, or say that they do not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archscope.oracles import Finding, Verdict, Verification, verify
from archscope.oracles.own.conventions import AROUND
from archscope.tracing.calling import call_thing


class Routed(nn.Module):
    """A router of 16·4 products at 7 places, which then run two of four experts of 2·16·32: 448 + 14,336."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(16, 4)
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(16, 32), nn.Linear(32, 16)) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(0, 1)
        weights, chosen = self.router(flat).softmax(-1).topk(2, -1)
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            place, rank = torch.where(chosen == number)
            out.index_add_(0, place, weights[place, rank, None] * expert(flat[place]))
        return out.reshape(x.shape)


class Either(nn.Module):
    """One convolution for dark pictures, another for bright ones."""

    def __init__(self) -> None:
        super().__init__()
        self.dark, self.bright = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.dark(x) if x.abs().mean() < 0.3 else self.bright(x)


class Halting(nn.Module):
    """A dense layer decides how often another one runs."""

    def __init__(self) -> None:
        super().__init__()
        self.halt, self.step = nn.Linear(8, 1), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = self.step(x)
            if self.halt(x).mean() > 100:
                break
        return x


def verified(module: nn.Module, shape: tuple[int, ...], witnesses: list[str]) -> Verification:
    called = call_thing(module, (shape,), {})
    return verify(called.network, witnesses, module=called)


def about(found: Verification, layer: str) -> list[Finding]:
    return [each for each in found.findings if each.layer == layer]


def test_experts_are_chosen_as_they_were_when_the_module_was_read() -> None:
    torch.manual_seed(1)  # on other values other experts run, whatever the seed
    found = verified(Routed(), (7, 16), ["module", "torchinfo", "fvcore", "FLOPs"])
    assert found.analysis.totals.macs == 448 + 14_336
    assert [each.sentence for each in found.differing] == []


def test_a_layer_that_a_probe_does_not_reach_is_not_covered_for_that_reason() -> None:
    found = verified(Either(), (3, 16, 16), ["field"])
    (said,) = about(found, "dark")
    assert said.why == "values decide what runs, and on those of the probe it does not"


def test_what_only_decides_is_left_out_of_a_trace_and_told_so() -> None:
    found = verified(Halting(), (8,), ["fvcore"])
    assert [each.why for each in about(found, "halt")] == [
        "its trace leaves out what no output is made of, such as what a branch hangs on"
    ]


class Uncalled(nn.Module):
    """Three dense layers of 8·8, 8·4 and 4·2 products: one is run past its hooks, of one only the weights are used."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(8, 8), nn.Linear(8, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first.forward(x)
        return self.third(nn.functional.linear(hidden, self.second.weight, self.second.bias))


@pytest.mark.parametrize("inside", [False, True])
def test_a_layer_that_is_not_called_is_no_difference_of_the_module_around(inside: bool) -> None:
    found = verified(nn.Sequential(Uncalled()) if inside else Uncalled(), (8,), ["fvcore", "FLOPs"])
    assert [each.sentence for each in found.differing] == []
    said = {each.why for each in found.of(Verdict.NOT_COVERED) if each.layer and "first" in each.layer}
    assert said == {AROUND}
    assert {each.theirs for each in found.of(Verdict.AGREES)} == {8 * 4, 4 * 2, 8 * 8 + 8 * 4 + 4 * 2}
