"""Every network that comes along, built, exported by PyTorch and read back, has the totals of its spec, and its rows.

`python -m tests.importing.test_museum_pytorch` asks all of them, in minutes; the tests those that take a second or two.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import torch

import archscope
from archscope.opening import open_network
from tests.importing.museum import CROPPED, NAMES, ORDER, PARTS, network_of, rows, unlike
from tests.importing.test_onnx import varied

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

TABLES: Final = "a table of connections is written out as a convolution of chosen maps for each kind of row"
UNITS: Final = "constants for each unit are a parameter of their own"
NORMED: Final = "local response normalization is written out as an average pool over maps"
PADDED: Final = "padding that differs from side to side is a layer before the convolution"
DROPPED: Final = "an exported file has no dropout"
STACKED: Final = "layers of a stacked recurrence are a row each"
ROTATED: Final = "rotary positions are written out as the products and sums that they are"
WAVES: Final = "positions that are added are a table of numbers"
STRIDED: Final = "a mean of maps that lie elsewhere in memory has its values chosen one by one"
REFUSED: Final = "how many samples an expert is given is known by the values alone, and the file is refused"

ROWS: Final[Mapping[str, Mapping[str, str]]] = {
    "pt2": {
        "alexnet": NORMED, "alexnet-keras": PADDED, "alexnet-pytorch": NORMED, "bert@base": ORDER, "googlenet": NORMED,
        "lecun1989": UNITS, "lenet1": TABLES, "lenet4": TABLES, "lenet5": TABLES, "lenet5-1998": TABLES,
        "llama2@7b": ROTATED, "mixtral": ROTATED, "transformer@base": WAVES, "unet": CROPPED, "zfnet": NORMED,
    },
    "onnx": {
        "alexnet": PARTS, "alexnet-keras": PADDED, "alexnet-pytorch": DROPPED, "alexnet-torchvision": DROPPED,
        "bert@base": DROPPED, "convnext@T": STRIDED, "efficientnet-b0": DROPPED, "googlenet": DROPPED,
        "inception-v3": DROPPED, "lecun1989": UNITS, "lenet1": TABLES, "lenet4": TABLES, "lenet5": TABLES,
        "lenet5-1998": TABLES, "llama2@7b": ROTATED, "lstm-lm@small": STACKED, "mixtral": REFUSED,
        "mobilenet-v2": DROPPED, "mobilenet-v3@large": DROPPED, "mobilenet-v3@small": DROPPED, "nin@cifar10": DROPPED,
        "nin@imagenet": DROPPED, "squeezenet@1.0": DROPPED, "squeezenet@1.1": DROPPED, "transformer@base": WAVES,
        "unet": CROPPED, "vgg@A": DROPPED, "zfnet": DROPPED,
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
        if ROWS[door].get(name) == REFUSED:
            with pytest.raises(archscope.UsageError, match="not known without its values"):
                open_network(str(path))
            yield door, "refused"
            continue
        found = open_network(str(path))
        assert archscope.analyze(found).totals.connections == archscope.analyze(network).totals.connections
        told = unlike(network, found)
        yield door, "dropped" if told == "rows" and _without_dropout(network) == _without_dropout(found) else told


def _without_dropout(network: archscope.Network) -> Counter[tuple[object, ...]]:
    """Rows but those of dropout, in any order; a pool to a given size is a window by then, which is not asked for."""
    return Counter(row[1:] for row in rows(network) if row[0] != "dropout")


def expected(name: str, door: str) -> str:
    """The outcome by a door."""
    why = ROWS[door].get(name, "")
    return {"": "", ORDER: "order", DROPPED: "dropped", REFUSED: "refused"}.get(why, "rows")


@pytest.mark.parametrize("name", QUICK)
def test_the_rows_are_those_of_the_spec_or_it_is_said_why_not(name: str, tmp_path: Path) -> None:
    for door, found in outcomes(name, tmp_path):
        assert found == expected(name, door), door


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for each in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as made:
            for door, told in outcomes(each, Path(made)):
                print(each, door, told or "equal", "" if told == expected(each, door) else "UNEXPLAINED", flush=True)
