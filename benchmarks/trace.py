"""Reading a module, against PyTorch's own counter alone; the memory it takes; a network of GPT-3's size."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archscope import analyze, build, load, trace
from benchmarks.pairs import Claim, call, in_turns

Made = tuple[nn.Module, tuple[int, ...]]


def _encoder(wide: int, heads: int, layers: int, positions: int) -> Made:
    layer = nn.TransformerEncoderLayer(wide, heads, 4 * wide, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False), (positions, wide)


def _residual(wide: int, blocks: int) -> Made:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(wide, wide, 3, padding=1, bias=False), nn.Conv2d(wide, wide, 3, padding=1)
            self.n, self.m = nn.BatchNorm2d(wide), nn.BatchNorm2d(wide)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x + self.m(self.b(torch.relu(self.n(self.a(x))))))

    return nn.Sequential(nn.Conv2d(3, wide, 7, 2, 3), *(Block() for _ in range(blocks))), (3, 64, 64)


def _mixer(wide: int, blocks: int) -> Made:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.n, self.m = nn.LayerNorm(wide), nn.LayerNorm(wide)
            self.a, self.b = nn.Linear(16, 16), nn.Sequential(nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, wide))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x + self.a(self.n(x).transpose(1, 2)).transpose(1, 2)
            return x + self.b(self.m(x))

    return nn.Sequential(*(Block() for _ in range(blocks))), (16, wide)


class _LastStep(nn.Module):
    def __init__(self, kind: Any, wide: int, layers: int) -> None:
        super().__init__()
        self.r, self.o = kind(wide, wide, num_layers=layers, batch_first=True), nn.Linear(wide, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.o(self.r(x)[0][:, -1])
        return made


def _masked(wide: int, blocks: int, positions: int) -> Made:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(wide, 3 * wide), nn.Linear(wide, wide)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            queries, keys, values = self.qkv(x).chunk(3, -1)
            later = torch.full((positions, positions), float("-inf"), device=x.device).triu(1)
            scores = queries @ keys.transpose(-1, -2) / wide**0.5 + later
            made: torch.Tensor = x + self.out(scores.softmax(-1) @ values)
            return made

    return nn.Sequential(*(Block() for _ in range(blocks))), (positions, wide)


def _spec(name: str) -> Made:
    network = load(name)
    return build(network), next(iter(network.inputs.values()))


MODELS: dict[str, Callable[[], Made]] = {
    **{f"residual {wide}×{blocks}": lambda wide=wide, blocks=blocks: _residual(wide, blocks)  # type: ignore[misc]
       for wide, blocks in ((16, 4), (32, 8), (64, 16), (64, 30))},
    **{name: lambda name=name: _spec(name)  # type: ignore[misc]
       for name in ("alexnet-torchvision", "lenet5-pytorch", "lenet5-keras")},
    **{f"encoder {wide}×{layers}": lambda wide=wide, layers=layers: _encoder(wide, 4, layers, 32)  # type: ignore[misc]
       for wide, layers in ((64, 2), (128, 4), (256, 6), (512, 8), (768, 12), (1024, 24))},
    **{f"mixer {wide}×{blocks}": lambda wide=wide, blocks=blocks: _mixer(wide, blocks)  # type: ignore[misc]
       for wide, blocks in ((64, 4), (128, 8), (256, 12))},
    **{f"masked {wide}×{blocks}": lambda wide=wide, blocks=blocks: _masked(wide, blocks, 1024)  # type: ignore[misc]
       for wide, blocks in ((64, 24), (64, 48))},
    **{f"{kind.__name__} {wide}×{layers}":
       lambda kind=kind, wide=wide, layers=layers: (_LastStep(kind, wide, layers), (24, wide))  # type: ignore[misc]
       for kind, wide, layers in ((nn.LSTM, 64, 1), (nn.LSTM, 256, 2), (nn.GRU, 64, 1), (nn.GRU, 128, 2),
                                  (nn.RNN, 64, 2), (nn.RNN, 128, 4))},
}  # fmt: skip
"""Convolutions, attention and dense layers, recurrence, masks of each block's own: 24 models on meta."""

_GPT3 = """
import json, resource, sys
import torch
from torch import nn
with torch.device("meta"):
    layer = nn.TransformerEncoderLayer(12288, 96, 49152, batch_first=True, norm_first=True)
    body = nn.TransformerEncoder(layer, 96, enable_nested_tensor=False)
    module = nn.Sequential(nn.Embedding(50257, 12288), body, nn.Linear(12288, 50257, bias=False))
if sys.argv[1] == "ours":
    import archscope
    totals = archscope.analyze(archscope.trace(module, torch.zeros(1, 2048, dtype=torch.long))).totals
    parameters, macs = int(totals.parameters), int(totals.macs)
else:
    from torch.utils.flop_counter import FlopCounterMode
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.eval()(torch.zeros(1, 2048, dtype=torch.long, device="meta"))
    parameters, macs = sum(each.numel() for each in module.parameters()), counter.get_total_flops() // 2
used = resource.getrusage(resource.RUSAGE_SELF)
from benchmarks.pairs import most_held
print(json.dumps([parameters, macs, used.ru_utime + used.ru_stime, most_held() // 1024]))
"""

_ADDED = """
import pathlib, re, sys, torch
from benchmarks.trace import MODELS
from archscope import analyze, trace
with torch.device("meta"):
    module, shape = MODELS[sys.argv[1]]()
analyze(trace(torch.nn.Linear(2, 2), (2,))).totals
module.eval()
with torch.no_grad():
    module(torch.zeros(1, *shape, device="meta"))
def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
before = kilobytes("VmRSS")
pathlib.Path("/proc/self/clear_refs").write_text("5")
analyze(trace(module, torch.zeros(1, *shape, device="meta"))).totals
print(kilobytes("VmHWM") - before)
"""


def claims() -> Iterator[Claim]:
    """Claims on speed and memory."""
    ratios: dict[str, float] = {}
    for name, make in MODELS.items():
        with torch.device("meta"):
            module, shape = make()
        module.eval()
        given = torch.zeros(1, *shape, device="meta")

        def ours(module: nn.Module = module, given: torch.Tensor = given) -> object:
            return analyze(trace(module, given)).totals

        def theirs(module: nn.Module = module, given: torch.Tensor = given) -> None:
            with torch.no_grad(), FlopCounterMode(display=False):
                module(given)

        ratios[name] = in_turns(call(ours), call(theirs), turns=5).ratio
    worst = max(ratios, key=lambda name: ratios[name])
    spread = f"{len(ratios)} models, {min(ratios.values()):.2f} to {ratios[worst]:.2f} ({worst})"
    yield Claim("reading a module against PyTorch's counter alone", statistics.median(ratios.values()), 1.5, "at most",
                spread=spread)  # fmt: skip
    added = {name: int(_said(_ADDED, name)) / 1024 for name in MODELS}
    largest = max(added, key=lambda name: added[name])
    yield Claim("memory that reading adds", added[largest], 64, "at most", unit="MiB", spread=largest)
    yield from _of_gpt3()


def _of_gpt3() -> Iterator[Claim]:
    """A process that reads a network of GPT-3's size, beside one in which PyTorch's counter counts it, in turns."""
    found: dict[str, list[Any]] = {"ours": [], "theirs": []}
    for who in ("ours", "theirs") * 3:
        found[who].append(json.loads(_said(_GPT3, who)))
    ours, theirs = ([statistics.median(each) for each in zip(*found[who], strict=True)] for who in found)
    if ours[:2] != theirs[:2]:
        raise ValueError(f"{ours[:2]} parameters and MACs are not PyTorch's {theirs[:2]}")
    name = "a network of GPT-3's size as a process"
    yield Claim(f"{name}, against PyTorch's counter in one", ours[2] / theirs[2], 1.5, "at most",
                spread="processor time, three of each in turns")  # fmt: skip
    yield Claim(f"the memory of {name}, against PyTorch's counter in one", ours[3] / theirs[3], 1.5, "at most")
    yield Claim(name, ours[2], 15, "at most", unit="s", spread="processor time")
    yield Claim("the memory of that process", ours[3] / 1024, 450, "at most", unit="MiB")


def _said(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


__all__ = ["MODELS", "claims"]
