"""Every network that comes along, written for Flax and read back, has the rows of its spec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from archscope import analyze
from archscope.importing.jax.calling import call_module
from archscope.importing.jax.reading import unusual
from archscope.network import Network
from archscope.writing.channels_last import last
from tests.importing.jax_nets import Own
from tests.importing.museum import CROPPED, NAMES, ORDER, PARTS, SIZED, network_of, unlike
from tests.writing.jax_source import model_of

WRITTEN_OUT: Final = "rotary positions and attention of grouped heads are functions of the source's own"
TABLE: Final = "waves of positions are a fixed table of the source's own, which is added"
ROWS: Final[Mapping[str, str]] = {
    "alexnet": PARTS, "alexnet-torchvision": SIZED, "unet": CROPPED, "llama2@7b": WRITTEN_OUT,
    "transformer@base": TABLE, "lstm-lm@small": "recurrence is a scan for each of its layers",
}  # fmt: skip
"""Those whose rows are others, and why."""
ELSEWHERE: Final[Mapping[str, str]] = {"bert@base": ORDER}
"""Those whose rows are the same in another order, and why."""
EVERY_EXPERT: Final = "mixtral"
"""Source for Flax runs every expert for every position, and takes the part of the chosen ones."""
LIKE_OTHERS: Final = {"inception-v3", "efficientnet-b0", "mobilenet-v2", "mobilenet-v3@large", "resnet@18", "googlenet"}
"""Long ones whose every kind of line is in one that is read; JAX takes its time to trace them."""


@pytest.mark.parametrize("name", sorted({*NAMES} - {EVERY_EXPERT} - LIKE_OTHERS))
def test_the_rows_are_those_of_the_spec_or_it_is_said_why_not(name: str) -> None:
    network = network_of(name)
    found = unlike(network, read_back(network))
    assert found == ("rows" if name in ROWS else "order" if name in ELSEWHERE else "")


def read_back(network: Network) -> Network:
    given = [jax.ShapeDtypeStruct((1, *last(shape)), jnp.int32 if own in network.tokens else jnp.float32)
             for own, shape in network.inputs.items()]  # fmt: skip
    return call_module(model_of(network), given, {}).network


def test_every_expert_runs_for_every_position() -> None:
    network = network_of(EVERY_EXPERT)
    ours, theirs = (analyze(each).totals for each in (network, read_back(network)))
    assert theirs.parameters == ours.parameters
    # 6 of 8 experts are not chosen: three matrices of 256 by 96 each, at 16 positions of 2 layers
    assert (ours.macs, theirs.macs) == (11735040, 11735040 + 6 * 3 * 256 * 96 * 16 * 2)


def labels(module: Any, *shape: int) -> list[tuple[Any, ...]]:
    found = call_module(module, [jax.ShapeDtypeStruct((1, *shape), jnp.float32)], {}).network
    return [(row.label, row.output, row.parameters, row.macs) for row in analyze(found).rows]


def test_causal_attention_is_one_layer() -> None:
    class Causal(nnx.Module):
        def __init__(self) -> None:
            self.attention = nnx.MultiHeadAttention(2, 8, decode=False, rngs=nnx.Rngs(0))

        def __call__(self, x: Any) -> Any:
            return self.attention(x, is_causal=True)

    # four matrices of 8 by 8 with biases; 5 rows by each, and 5 by 5 products of all 8 features, twice
    wanted = [("causal attention, 2 heads", (5, 8), 4 * 72, 4 * 5 * 64 + 2 * 25 * 8)]
    assert labels(nnx.eval_shape(Causal), 5, 8) == wanted


def test_kernels_the_other_way_round_are_read_and_an_option_that_is_not_as_usual_is_named() -> None:
    class Turned(nnx.Module):
        def __init__(self, *, turned: bool = True) -> None:
            self.up = nnx.ConvTranspose(4, 6, (3, 3), strides=(2, 2), transpose_kernel=turned, rngs=nnx.Rngs(0))

        def __call__(self, x: Any) -> Any:
            return self.up(x)

    # 3 by 3 weights for 4 by 6 maps, and 6 biases; each of 8 by 8 places meets all weights
    ((_, output, parameters, macs),) = labels(nnx.eval_shape(Turned), 8, 8, 4)
    assert (output, parameters, macs) == ((6, 16, 16), 9 * 24 + 6, 64 * 9 * 24)
    uses: Any = [SimpleNamespace(module=Turned(turned=turned).up, path="up") for turned in (False, True)]
    assert list(unusual(uses[:1])) == []
    (told,) = unusual(uses)
    assert told.startswith("`up` (ConvTranspose) has `transpose_kernel=True`, which is not what it is usually: leave")


def test_one_position_is_one_and_a_part_of_a_transposed_convolution_of_an_axis_alone_is_its_own() -> None:
    assert [each[:2] for each in labels(Own(lambda x: x[:, 2]), 6, 5, 3)] == [("select 2", (5, 3))]
    assert [each[:2] for each in labels(Own(lambda x: x[:, 2:3]), 6, 5, 3)] == [("slice 2:3", (1, 5, 3))]
