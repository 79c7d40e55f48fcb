"""`archscope table lenet5` as a whole process, and a very long chain from YAML to totals."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

import yaml

import archscope
from benchmarks.pairs import Claim, call, in_turns, python

TABLE = ("-m", "archscope", "table", "lenet5")

TORCHINFO = """
import torch
from torch import nn
from torchinfo import summary
net = nn.Sequential(
    nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
    nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
)
summary(net, input_size=(1, 1, 32, 32))
"""


def claims() -> Iterator[Claim]:
    """Start-up against the libraries it stands on, against torchinfo, and growth with the number of layers."""
    libraries = in_turns(python(*TABLE), python("-c", "import typer, rich.table"))
    yield Claim("`archscope table lenet5` against `import typer, rich.table`", libraries.ratio, 1.5, "at most",
                spread=libraries.spread)  # fmt: skip
    torchinfo = in_turns(python("-c", TORCHINFO), python(*TABLE), turns=7)
    yield Claim("the same table by torchinfo against `archscope table lenet5`", torchinfo.ratio, 8, "at least",
                spread=torchinfo.spread)  # fmt: skip
    family = in_turns(python("-m", "archscope", "table", "resnet@50"), python(*TABLE))
    yield Claim("`archscope table resnet@50` against `archscope table lenet5`", family.ratio, 2, "at most",
                spread=family.spread)  # fmt: skip
    repeated = [call(lambda size=size: total(copies(size)))() for size in (10_000, 100_000)]  # type: ignore[misc]
    yield Claim("10,000 layers from a block of ten", repeated[0], 2, "at most", unit="s")
    yield Claim("100,000 layers from a block of ten", repeated[1], 15, "at most", unit="s")
    yield Claim("memory of 100,000 such layers", memory(copies(100_000)), 1, "at most", unit="GiB")
    listed = min(python("-m", "archscope", "list")() for _ in range(5))
    yield Claim("`archscope list`", listed, 0.3, "at most", unit="s")
    short, long = chain(10_000), chain(20_000)
    grown = in_turns(call(lambda: total(long)), call(lambda: total(short)), turns=5)
    yield Claim("10,000 convolutions from YAML to totals", statistics.median(grown.second), 2, "at most", unit="s")
    loader = in_turns(call(lambda: total(short)), call(lambda: yaml.load(short, Loader=yaml.CSafeLoader)), turns=9)
    yield Claim("the same against PyYAML's C loader alone", loader.ratio, 1.7, "at most", spread=loader.spread)
    yield Claim("20,000 convolutions against 10,000", grown.ratio, 2.2, "at most", spread=grown.spread)


def memory(spec: str) -> float:
    """The most that a process takes which reads a spec and works out its totals, in GiB."""
    work = """
import sys
import archscope
from benchmarks.pairs import most_held
archscope.analyze(archscope.read(sys.stdin.read())).totals
print(most_held() / 2**30)
"""
    done = subprocess.run([sys.executable, "-c", work], input=spec, capture_output=True, text=True, check=True)
    return float(done.stdout)


def chain(layers: int) -> str:
    """A spec of convolutions in a row."""
    lines = "".join(f"  c{at}: {{type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}}\n" for at in range(layers))
    return f"input: [8, 16, 16]\nlayers:\n{lines}"


def copies(layers: int) -> str:
    """A spec of copies of one block of ten convolutions."""
    line = "      c{}: {{type: conv2d, out_channels: $c, kernel_size: 3, padding: 1}}\n"
    block = "".join(line.format(at) for at in range(10))
    body = f"layers:\n  body: {{type: ten, repeat: {layers // 10}}}\n"
    return f"input: [8, 16, 16]\nblocks:\n  ten:\n    options: {{c: 8}}\n    layers:\n{block}{body}"


def total(spec: str) -> archscope.Totals:
    """From the text of a spec to the totals of its network."""
    return archscope.analyze(archscope.read(spec)).totals
