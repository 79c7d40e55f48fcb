"""The networks that come along are a collection: each has its paper, its year, its recipe and its audited figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.reader import spec_names

MEMBERS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "specs" / "index.json").read_text())
NAMES = [each["name"] for each in MEMBERS]

COLLECTION = (
    "lecun1989", "lenet1", "lenet4", "lenet5", "alexnet", "zfnet", "nin", "vgg@A", "vgg@B", "vgg@C", "vgg@D", "vgg@E",
    "googlenet", "inception-v3", "resnet@18", "resnet@34", "resnet@50", "resnet@101", "resnet@152", "resnet-cifar@20",
    "resnet-cifar@32", "resnet-cifar@44", "resnet-cifar@56", "resnet-cifar@110", "densenet@121", "densenet@169",
    "densenet@201", "squeezenet@1.0", "mobilenet-v1@1.0-224", "mobilenet-v2", "mobilenet-v3@large",
    "mobilenet-v3@small", "shufflenet-v1@g3", "shufflenet-v2@1.0", "efficientnet-b0", "convnext@T", "unet",
    "dcgan@generator", "dcgan@discriminator", "autoencoder@mnist", "lstm-lm@small", "transformer@base",
    "transformer@big", "bert@base", "bert@large", "gpt2@small", "gpt2@medium", "gpt2@large", "gpt2@xl", "vit@b16",
    "vit@l16", "vit@h14", "llama2@7b", "llama2@70b", "mixtral",
)  # fmt: skip
"""The landmark networks of thirty years."""

UNSTATED = {
    "mixtral": "its paper says nothing of how it was trained",
    "alexnet-torchvision": "it is a library's network, and its weights' recipe is no paper's",
    "alexnet-keras": "the course states none", "lenet5-keras": "the course states none",
    "lenet5-pytorch": "the course states none",
    "squeezenet@1.1": "it is a later revision of the authors' code",
}  # fmt: skip
"""Networks without a recipe, and why."""


@pytest.mark.parametrize("name", COLLECTION)
def test_a_landmark_is_in_the_collection(name: str) -> None:
    assert name in NAMES or f"{name}@cifar10" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_network_says_where_it_comes_from_and_how_it_was_trained(name: str) -> None:
    network = archscope.load(name)
    assert network.year is not None
    assert network.task in ("vision", "language", "generation")
    assert network.sources
    if name in UNSTATED:
        assert network.training is None
        return
    assert network.training is not None
    assert network.training["source"] in network.sources
    for figure in network.published:
        assert figure.source in network.sources


@pytest.mark.parametrize("name", spec_names())
def test_a_network_has_figures_that_were_printed_about_it(name: str) -> None:
    family = name.partition("@")[0]
    assert any(archscope.load(each).published for each in NAMES if each.partition("@")[0] == family), family


PRINTED = {
    # In the tables of the papers, which need not hold: what the audit says of each is in the spec.
    ("vgg@A", "parameters"): "133M", ("vgg@B", "parameters"): "133M", ("vgg@C", "parameters"): "134M",
    ("vgg@D", "parameters"): "138M", ("vgg@E", "parameters"): "144M",
    ("resnet@18", "macs"): "1.8", ("resnet@34", "macs"): "3.6", ("resnet@50", "macs"): "3.8",
    ("resnet@101", "macs"): "7.6", ("resnet@152", "macs"): "11.3",
    ("mobilenet-v1@1.0-224", "macs"): "569", ("mobilenet-v1@0.75-224", "macs"): "325",
    ("mobilenet-v1@0.5-224", "macs"): "149", ("mobilenet-v1@0.25-224", "macs"): "41",
    ("mobilenet-v1@1.0-224", "parameters"): "4.2", ("mobilenet-v1@0.75-224", "parameters"): "2.6",
    ("mobilenet-v1@0.5-224", "parameters"): "1.3", ("mobilenet-v1@0.25-224", "parameters"): "0.5",
    ("transformer@base", "parameters"): "65", ("transformer@big", "parameters"): "213",
    ("gpt2@small", "parameters"): "117", ("gpt2@medium", "parameters"): "345", ("gpt2@large", "parameters"): "762",
    ("gpt2@xl", "parameters"): "1542",
    ("vit@b16", "parameters"): "86", ("vit@l16", "parameters"): "307", ("vit@h14", "parameters"): "632",
    ("llama2@7b", "parameters"): "6.7",
    ("lenet4", "parameters"): "17,000", ("lenet4", "connections"): "260,000",
}  # fmt: skip


@pytest.mark.parametrize(("name", "quantity"), PRINTED)
def test_what_the_paper_printed_is_audited(name: str, quantity: str) -> None:
    found = [
        figure for figure in archscope.load(name).published if figure.layer is None and figure.quantity == quantity
    ]
    # A number is as it is read, in thousands of millions or millions, or the words with it.
    told = {text for figure in found for text in (
        *([figure.printed.text.removeprefix("about ").rstrip("MB")] if figure.printed else []),
        *([f"{figure.value / 1e6:g}", f"{figure.value / 1e9:g}"] if isinstance(figure.value, int) else []),
    )}  # fmt: skip
    assert PRINTED[name, quantity].rstrip("M") in told


RECOMPUTED = {
    "vgg@A": 132_863_336, "vgg@B": 133_047_848, "vgg@C": 133_638_952, "vgg@D": 138_357_544, "vgg@E": 143_667_240,
    "lecun1989": 9_760,
    "googlenet": 6_998_552, "resnet@18": 11_689_512, "resnet@34": 21_797_672, "resnet@50": 25_557_032,
    "resnet@101": 44_549_160, "resnet@152": 60_192_808, "mobilenet-v1@1.0-224": 4_231_976, "unet": 31_030_658,
    "transformer@base": 63_045_632, "gpt2@small": 124_439_808, "gpt2@medium": 354_823_168, "gpt2@large": 774_030_080,
    "gpt2@xl": 1_557_611_200, "vit@b16": 86_567_656, "vit@l32": 306_535_400, "vit@l16": 304_326_632,
    "llama2@7b": 6_738_415_616, "llama2@70b": 68_976_648_192,
}  # fmt: skip


@pytest.mark.parametrize("name", RECOMPUTED)
def test_its_parameters_are_what_others_count(name: str) -> None:
    assert archscope.analyze(archscope.load(name)).totals.parameters == RECOMPUTED[name]
