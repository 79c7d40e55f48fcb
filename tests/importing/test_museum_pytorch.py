"""Every network that comes along, built, exported by PyTorch and read back, has the totals of its spec, and its rows.

`python -m tests.importing.test_museum_pytorch` asks all of them, in minutes; the tests those that take a second or two.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import torch

import archscope
from archscope.opening import open_network
from tests.importing.museum import NAMES, ORDER, network_of, unlike
from tests.importing.test_onnx import varied

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

TABLES: Final = "a table of connections is written out as a convolution of chosen maps for each kind of row"
UNITS: Final = "constants for each unit are a parameter of their own"
NORMED: Final = "local response normalization is written out as an average pool over maps"
PADDED: Final = "padding that differs from side to side is a layer before the convolution"
DROPPED: Final = "an exported file has no dropout"
STACKED: Final = "layers of a stacked recurrence are a row each"
MASKED: Final = "a mask of more than 64 positions is not read, so what hides what comes later is not known to"
ROTATED: Final = "rotary positions are written out as the products and sums that they are"

ROWS: Final[Mapping[str, Mapping[str, str]]] = {
    "pt2": {
        "alexnet": NORMED, "alexnet-keras": PADDED, "alexnet-pytorch": NORMED, "bert@base": ORDER, "lecun1989": UNITS,
        "lenet1": TABLES, "lenet4": TABLES, "lenet5": TABLES, "lenet5-1998": TABLES, "llama2@7b": ROTATED,
    },
    "onnx": {
        "alexnet-keras": DROPPED, "alexnet-pytorch": NORMED, "bert@base": DROPPED, "gpt2@small": MASKED,
        "lecun1989": UNITS, "lenet1": TABLES, "lenet4": TABLES, "lenet5": TABLES, "lenet5-1998": TABLES,
        "llama2@7b": ROTATED, "lstm-lm@small": STACKED,
    },
}  # fmt: skip
"""Those whose rows are others by each door, and why."""

QUICK: Final = (
    "autoencoder@mnist", "bert@base", "dcgan@discriminator", "gpt2@small", "lecun1989", "lenet1", "lenet5-keras",
    "llama2@7b", "lstm-lm@small", "resnet-cifar@20", "vit@b16",
)  # fmt: skip


def outcomes(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """By each door, how the rows are unlike those of the spec; see `unlike`, which insists on the totals."""
    network = network_of(name)
    module = varied(archscope.build(network)).eval()
    given = tuple(torch.zeros(1, *shape, dtype=torch.int64 if own in network.tokens else torch.float32)
                  for own, shape in network.inputs.items())  # fmt: skip
    with torch.no_grad():
        program = torch.export.export(module, given)
    for door in ROWS:
        path = folder / f"net.{door}"
        if door == "pt2":
            torch.export.save(program, path)
        else:  # with its batch norms
            torch.onnx.export(program, given, path, dynamo=True, verbose=False, optimize=False)
        found = open_network(str(path))
        assert archscope.analyze(found).totals.connections == archscope.analyze(network).totals.connections
        yield door, unlike(network, found)


@pytest.mark.parametrize("name", QUICK)
def test_the_rows_are_those_of_the_spec_or_it_is_said_why_not(name: str, tmp_path: Path) -> None:
    for door, found in outcomes(name, tmp_path):
        why = ROWS[door].get(name, "")
        assert found == ("order" if why == ORDER else "rows" if why else ""), door


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for each in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as made:
            print(each, *outcomes(each, Path(made)), flush=True)
