"""How long graphs take to draw: large ones, how the time grows with the nodes, and every network that comes along.

It is processor time, so that a busy machine does not count; Graphviz alone, drawing the same nodes and edges in its own
way, is the measure beside it, which means the same on another machine. A picture of 10,000 nodes may take as many
times as long as one of 1,000 as n·log n is greater: a chain, a residual network, branches side by side, sums of each
branch and another, and one layer that every other reads, of all of which no two layers in a row are equal, so that each
is a node.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pygraphviz

import archscope
from archscope.diagrams.graph import place
from archscope.network import Network
from archscope.reader import spec_names
from benchmarks.pairs import Claim, Pair, in_turns
from tests.diagrams.branching import Builder, chain, resnet

SECONDS = 2.0
A_THOUSAND = 3.0
OF_THE_MUSEUM = 0.5
TURNS = 5
FEW, MANY = 1_000, 10_000
LARGEST = "densenet@264"
"""The network that comes along of which all open is the most nodes."""


def unlike(blocks: int = 125) -> Network:
    """A residual network without blocks by name, of which no two layers in a row are equal: 4 nodes a skip."""
    b = Builder("unlike", input=(8, 16, 16))
    last = "input"
    for number in range(blocks):
        entry, kernel = last, 1 + 2 * (number % 7)
        last = b.add(f"a{number}", "conv2d", last, out_channels=8, kernel_size=kernel, padding=kernel // 2)
        last = b.add(f"b{number}", "conv2d", last, out_channels=8, kernel_size=3, padding=1)
        last = b.add(f"relu{number}", "relu", b.add(f"add{number}", "add", last, entry))
    return b.network()


def branches(layers: int) -> Network:
    """Layers side by side, which are joined."""
    b = Builder("branches", input=(8, 16, 16))
    b.add("join", "concat", *[_convolution(b, number, "input") for number in range(layers)])
    return b.network()


def sums(layers: int) -> Network:
    """Layers side by side, the sum of each and the next but two, and all of them joined: 2 nodes a layer."""
    b = Builder("sums", input=(8, 16, 16))
    each = [_convolution(b, number, "input") for number in range(layers)]
    b.add("join", "concat", *[b.add(f"s{at}", "add", one, each[at - 3]) for at, one in enumerate(each)])
    return b.network()


def hub(readers: int) -> Network:
    """A chain to which the result of its first layer is added again after every other one: 2 nodes a reader."""
    b = Builder("hub", input=(8, 16, 16))
    first = last = b.add("first", "conv2d", "input", out_channels=8, kernel_size=1)
    for number in range(readers):
        last = b.add(f"add{number}", "add", _convolution(b, number, last), first)
    return b.network()


def _convolution(b: Builder, number: int, source: str) -> str:
    kernel = 1 + 2 * (number % 7)
    return b.add(f"c{number}", "conv2d", source, out_channels=8, kernel_size=kernel, padding=kernel // 2)


LARGE: dict[str, Callable[[int], Network]] = {
    "a chain": chain,
    "a residual network": lambda nodes: unlike(nodes // 3),
    "branches side by side": branches,
    "sums of branches": lambda nodes: sums(nodes // 2),
    "a layer that every other one reads": lambda nodes: hub(nodes // 2),
}
"""Of so many nodes each."""


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """A call, as something that says how much processor time it took."""

    def timed() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return timed


def least(network: Network | str, turns: int = 3, **options: Any) -> float:
    """The least time that a picture took, each time of an analysis that was worked out but never drawn before."""
    return min(seconds(partial(drawn, worked_out(network), **options))() for _ in range(turns))


def worked_out(network: Network | str) -> archscope.Analysis:
    """The analysis of a network with all its rows."""
    analysis = archscope.analyze(network)
    assert analysis.nodes
    assert analysis.rows
    return analysis


def drawn(analysis: archscope.Analysis, **options: Any) -> str:
    """A picture for which Graphviz is asked anew."""
    place._asked.cache_clear()
    return archscope.draw(analysis, **options).svg


def claims() -> Iterator[Claim]:
    """Large networks, growth, and what comes along."""
    yield from _large()
    bound = round(MANY * math.log(MANY) / (FEW * math.log(FEW)), 2)
    for name, make in LARGE.items():
        few, many = least(make(FEW), style="graph"), least(make(MANY), turns=2, style="graph")
        if make is LARGE["a residual network"]:
            yield Claim(f"a graph of {name}, {FEW:,} nodes", few, A_THOUSAND, "at most", unit="s")
        says = f"{name}: {MANY:,} nodes against {FEW:,}, at most n·log n"
        yield Claim(says, many / few, bound, "at most", spread=f"{many:.2f} s against {few:.2f} s")
    shown: dict[str, dict[str, str]] = {"as auto has it": {}, "all open": {"style": "graph", "depth": "full"}}
    for told, options in shown.items():
        slowest, name = max((least(each, turns=2, **options), each) for each in spec_names(variants=True))
        yield Claim(f"the slowest of what comes along, {told}: {name}", slowest, OF_THE_MUSEUM, "at most", unit="s")


def _large() -> Iterator[Claim]:
    """Folded, with nothing to fold, and with hundreds of blocks open."""
    for network in (resnet((3, 8, 36, 3)), unlike()):
        pair = _against_graphviz(network)
        says = f"a graph of {network.name}, {len(network.nodes)} nodes ({pair.ratio:.1f} × Graphviz alone)"
        yield Claim(says, statistics.median(pair.first), SECONDS, "at most", unit="s")
    pair = _against_graphviz(archscope.load(LARGEST), depth="full")
    yield Claim(f"{LARGEST}, all open, against Graphviz alone", pair.ratio, 2.5, "at most", spread=pair.spread)


def _against_graphviz(network: Network, **options: Any) -> Pair:
    analysis = worked_out(network)
    dot = str(archscope.draw(analysis, style="graph", **options).write("dot"))
    return in_turns(
        seconds(lambda: drawn(analysis, style="graph", **options)),
        seconds(lambda: pygraphviz.AGraph(string=dot).draw(format="svg", prog="dot")),
        turns=TURNS,
    )
