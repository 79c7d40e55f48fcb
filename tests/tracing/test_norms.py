"""RMS norms that are written out are one layer, with what is added to the mean and with their weight."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace
from tests.tracing.norms import NORMS, Centred, CentredAlone, Normed, OfVariance, RootMean, Unbiased


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RMS norm", [("norm", 1e-6, True, None)]),
        ("RMS norm, divided", [("norm", 1e-2, True, None)]),
        ("RMS norm, one more", [("norm.rms_norm", 1e-6, False, None)]),
        ("RMS norm of heads", [("norm", 1e-6, True, None), ("rms_norm", 1e-5, False, None)]),
        ("RMS norm, twice", [("norm", 1e-6, True, None), ("norm_2", 1e-6, True, "norm")]),
        ("RMS norm, weight elsewhere", [("norm.rms_norm", 1e-6, False, None)]),
        ("mean square of positions", []),
        ("mean square alone", []),
    ],
)
def test_a_norm_is_told_with_its_step_and_its_weight(
    name: str, said: list[tuple[str, float, bool, str | None]]
) -> None:
    make, shapes = NORMS[name]
    network = trace(make(), *shapes)
    norms = [node for node in network.nodes if node.layer.type == "rms_norm"]
    stated = [{"elementwise_affine": True, **node.layer.stated()} for node in norms]
    found = [(node.name, each["eps"], each["elementwise_affine"], node.shares)
             for node, each in zip(norms, stated, strict=True)]  # fmt: skip
    assert found == said
    # 6·8 + 8 of the first layer, 8 of the norm, 8·3 + 3 of the last, each once
    assert analyze(network).totals.parameters == 56 + 8 + 27


@pytest.mark.parametrize(
    ("norm", "said"),
    [
        (Centred, {"eps": 1e-7}),
        (OfVariance, {}),
        (CentredAlone, {"bias": False}),
        (Unbiased, None),
    ],
)
def test_a_layer_norm_is_told_by_the_mean_that_is_taken_away(
    norm: type[RootMean], said: dict[str, object] | None
) -> None:
    network = trace(Normed(norm), (5, 6))
    found = [node for node in network.nodes if node.layer.type == "layer_norm"]
    assert [node.layer.stated() for node in found] == ([] if said is None else [{"normalized_shape": 8, **said}])
    assert "rms_norm" not in {node.layer.type for node in network.nodes}
    # 6·8 + 8 of the first layer, 8 of each of the norm's, 8·3 + 3 of the last
    assert analyze(network).totals.parameters == 56 + 8 * (1 + issubclass(norm, Centred)) + 27
    seen = network.observed
    assert seen is not None
    # What it holds meanwhile is not what a fused norm holds, but what its operations do.
    assert seen.written is None or {*seen.within.values()} >= {node.name for node in found}
    assert (seen.written is not None) == (said is not None)


class CentredTwice(nn.Module):
    """What is without its mean has another use."""

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-6) + centred


def test_a_value_without_its_mean_that_others_read_too_stays() -> None:
    types = [node.layer.type for node in trace(CentredTwice(), (5, 8)).nodes]
    assert types == ["mean", "subtract", "rms_norm", "add"]


class Told(nn.Module):
    """A norm whose root is given out too."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        root = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        return x * root, root


def test_a_norm_whose_root_is_a_result_of_the_network_stays_what_it_is() -> None:
    network = trace(Told(), (5, 8))
    assert "rms_norm" not in {node.layer.type for node in network.nodes}
    made = {node.name: node.layer.type for node in network.nodes}
    assert [made[ref.node] for ref in network.outputs] == ["multiply", "power"]
