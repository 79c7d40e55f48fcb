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
    "EfficientNetB0": "efficientnet-b0",
}
"""Those that agree, in what is trained and in what is kept of the running statistics.

So do MobileNetV3Large, DenseNet121 and ConvNeXtTiny; InceptionV3 has no scales in its norms, 17,216 values less.
"""


@pytest.mark.slow
def test_networks_of_keras_have_our_parameters_or_the_difference_is_known() -> None:
    command = [sys.executable, "-m", "tests.oracles.applications", *SAME, "ResNet50"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "torch"},
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (line.split() for line in done.stdout.splitlines())
    stated = {name: tuple(map(int, rest)) for name, *rest in lines}
    for theirs, ours in SAME.items():
        totals = archscope.analyze(archscope.load(ours)).totals
        # EfficientNet's preprocessing keeps a mean and a deviation, which have other names.
        assert stated[theirs][:2] == (totals.parameters, totals.fixed), theirs
    # Keras's ResNet has biases before its batch norms.
    resnet = archscope.analyze(archscope.load("resnet@50")).totals
    trained, fixed, biases = stated["ResNet50"]
    assert (trained, fixed) == (resnet.parameters + biases, resnet.fixed)
