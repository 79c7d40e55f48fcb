"""Networks that `keras.applications` has too: its parameters are ours to the last one, or the difference is told."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

import archscope

if find_spec("keras") is None:
    pytest.skip("Keras is not installed", allow_module_level=True)

SAME = {
    "MobileNet": "mobilenet-v1@1.0-224",
    "MobileNetV2": "mobilenet-v2",
    "MobileNetV3Small": "mobilenet-v3@small",
    "MobileNetV3Large": "mobilenet-v3@large",
    "EfficientNetB0": "efficientnet-b0",
    "DenseNet121": "densenet@121",
    "ConvNeXtTiny": "convnext@T",
    "VGG16": "vgg@D",
}
"""Those that agree, in what is trained and in what is kept of the running statistics.

So do the larger ones of these families, down to DenseNet201, ConvNeXtLarge and VGG19.
"""

BIASED = {"ResNet50": "resnet@50"}
"""Keras's have biases before their batch norms; so have ResNet101 and ResNet152."""

UNSCALED = {"InceptionV3": "inception-v3"}
"""The norms of Keras's have no factors."""


@pytest.mark.slow
def test_networks_of_keras_have_our_parameters_or_the_difference_is_known() -> None:
    command = [sys.executable, "-m", "tests.oracles.applications", *SAME, *BIASED, *UNSCALED]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "torch"},
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (line.split() for line in done.stdout.splitlines())
    stated = {name: tuple(map(int, rest)) for name, *rest in lines}
    for theirs, ours in SAME.items():
        totals = archscope.analyze(archscope.load(ours)).totals
        # EfficientNet's preprocessing keeps a mean and a deviation, which have other names.
        assert stated[theirs][:2] == (totals.parameters, totals.fixed), theirs
    for theirs, ours in BIASED.items():
        totals = archscope.analyze(archscope.load(ours)).totals
        trained, fixed, biases = stated[theirs]
        assert (trained, fixed) == (totals.parameters + biases, totals.fixed), theirs
    for theirs, ours in UNSCALED.items():
        network = archscope.load(ours)
        factors = sum(int(weight.values) for node in network.nodes if node.layer.type == "batch_norm"
                      for weight in network.facts[node.name].weights if weight.name == "weight")  # fmt: skip
        totals = archscope.analyze(network).totals
        assert stated[theirs][:2] == (totals.parameters - factors, totals.fixed), theirs
