"""How long graphs take to draw, against Graphviz alone drawing the same nodes and edges in its own way.

    python -m benchmarks.graph

The limit is 2 s for about 500 nodes, folded as in ResNet-152 or with nothing to fold; it is processor time, so
that a busy machine does not count. The ratio means the same on another machine.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import pygraphviz

import archscope
from archscope.network import Network
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


def seconds(work: Callable[[], object]) -> float:
    """The processor time of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    """Measure, print, and return 1 if the limit is passed."""
    failed = 0
    for network in (resnet((3, 8, 36, 3)), unlike()):
        dot = str(archscope.draw(network, style="graph").write("dot"))

        def ours(network: Network = network) -> object:
            return archscope.draw(network, style="graph").svg

        def graphviz(dot: str = dot) -> object:
            return pygraphviz.AGraph(string=dot).draw(format="svg", prog="dot")

        ours()
        graphviz()
        pairs = [(seconds(ours), seconds(graphviz)) for _ in range(TURNS)]
        taken = statistics.median(first for first, _ in pairs)
        ratio = statistics.median(first / second for first, second in pairs)
        failed += taken >= SECONDS
        name = f"{network.name}, {len(network.nodes)} nodes"
        print(f"{name}: {taken:.2f} s, limit {SECONDS:g} s; {ratio:.2f} × Graphviz alone")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
