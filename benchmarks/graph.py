"""How long graphs take to draw, against Graphviz alone drawing the same nodes and edges in its own way.

The limit is 2 s for about 500 nodes, folded as in ResNet-152 or with nothing to fold; it is processor time, so
that a busy machine does not count. The ratio means the same on another machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import pygraphviz

import archscope
from archscope.network import Network
from benchmarks.pairs import Claim, in_turns
from tests.diagrams.branching import Builder, resnet

SECONDS = 2.0
TURNS = 5


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


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """A call, as something that says how much processor time it took."""

    def timed() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return timed


def claims() -> Iterator[Claim]:
    """Large networks, folded and not."""
    for network in (resnet((3, 8, 36, 3)), unlike()):
        dot = str(archscope.draw(network, style="graph").write("dot"))

        def ours(network: Network = network) -> object:
            return archscope.draw(network, style="graph").svg

        def graphviz(dot: str = dot) -> object:
            return pygraphviz.AGraph(string=dot).draw(format="svg", prog="dot")

        pair = in_turns(seconds(ours), seconds(graphviz), turns=TURNS)
        says = f"a graph of {network.name}, {len(network.nodes)} nodes ({pair.ratio:.1f} × Graphviz alone)"
        yield Claim(says, statistics.median(pair.first), SECONDS, "at most", unit="s")
