"""`archscope diagram alexnet -o alexnet.svg` as a whole process, against torchview drawing the same network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import archscope
from benchmarks.pairs import Claim, call, in_turns, python

TORCHVIEW = """
import sys, torch
from torch import nn
from torchview import draw_graph
net = nn.Sequential(
    nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2),
    nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2),
    nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
    nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
    nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
    nn.Linear(4096, 1000), nn.Softmax(1),
)
# Up to the DOT text: laying it out and writing the SVG by Graphviz would come on top.
drawn = draw_graph(net, input_size=(1, 3, 227, 227), device="meta").visual_graph.source
open(sys.argv[1], "w").write(drawn)
"""


def claims() -> Iterator[Claim]:
    """The whole process against torchview's, and the drawing alone."""
    with tempfile.TemporaryDirectory() as folder:
        ours = python("-m", "archscope", "diagram", "alexnet", "-o", str(Path(folder) / "alexnet.svg"))
        pair = in_turns(ours, python("-c", TORCHVIEW, str(Path(folder) / "alexnet.dot")), turns=7)
    yield Claim("AlexNet's figure to SVG against torchview's graph to DOT", pair.ratio, 0.3, "at most",
                spread=pair.spread)  # fmt: skip
    network = archscope.load("alexnet")
    drawing = in_turns(
        call(lambda: archscope.draw(network, width="183mm", font_size=7).svg),
        call(lambda: archscope.draw(network).svg),
        turns=7,
    )
    yield Claim("AlexNet's figure fitted to 183 mm, from network to SVG", max(drawing.first), 0.3, "at most", unit="s")
