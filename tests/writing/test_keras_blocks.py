"""A block is a class of the Keras source too, and a run of copies a list and a loop; names are those of the spec."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import archscope
from archscope.writing.keras import write_keras
from tests.blocks.specs import RESNET50
from tests.writing.test_blocks import RUNS, SHARED, SIAMESE, STACK, TIED, TWO_WAYS, sharing
from tests.writing.test_source import assert_the_same, keras_says

STAGES = STACK.replace("d: 8, repeat: 3", "columns: [d, repeat], rows: [[8, 1], [8, 3], [8, 2]]")
"""Runs of copies that are copies of a run themselves, and read more than the one before."""

EACH_OF_ITS_OWN = """
input: [5, 8]
blocks:
  far:
    options: {n: }
    layers:
      cut: {type: slice, dim: 0, end: $n}
      place: {type: sinusoidal_positions, max_len: $n}
      drop: {type: drop_path, p: 0.1}
      fc: {type: linear, out_features: 8, init: {weight: {normal: [0, 0.1]}}}
layers:
  a: {type: far, n: 5}
  b: {type: far, n: 4}
  c: {type: far, n: 3}
"""
"""What a class makes by a method of its own is not what it is given from outside."""


def classes(source: str) -> list[str]:
    return re.findall(r"^class (\w+)", source, re.MULTILINE)


def test_a_block_is_a_class_and_what_its_uses_differ_in_are_its_arguments() -> None:
    source = write_keras(archscope.read(RESNET50, name="net"))
    assert classes(source) == ["Conv", "Conv2", "Conv3", "Bottleneck", "Bottleneck2", "Net"]
    assert "            *(Bottleneck2(128, 512) for _ in range(3)),\n        ]\n" in source
    assert "        for block in self.conv3:\n            x = block(x)\n" in source
    assert 'self.b = Conv2(filters, 3, padding="same", strides=1)' in source
    assert source.count("layers.Conv2D(") == 3


def test_copies_of_a_plain_layer_are_a_list_and_a_loop() -> None:
    source = write_keras(archscope.read(RUNS, name="net"))
    assert '            *(layers.Conv2D(filters, 3, padding="same") for _ in range(3)),\n' in source
    assert "        for layer in self.conv:\n            x = ops.relu(layer(x))\n" in source
    assert classes(source) == ["Down", "Net"]


def test_copies_of_runs_are_loops_in_a_loop_in_both_frameworks() -> None:
    network = archscope.read(STAGES, name="net")
    loops = "for blocks in self.stack:\n            for block in blocks:\n                x = block(x, memory)\n"
    assert loops in assert_the_same(network)
    assert loops in write_keras(network)


def test_a_block_with_the_weights_of_another_is_the_other() -> None:
    assert "        self.second = self.first\n" in write_keras(archscope.read(SIAMESE))


def test_a_network_whose_classes_would_share_single_weights_is_one_class() -> None:
    assert classes(write_keras(archscope.read(TIED, name="net"))) == ["Net"]


def test_a_layer_that_cannot_be_written_is_named_as_the_network_names_it() -> None:
    text = "input: [4, 9]\nblocks: {b: {layers: {p: {type: max_pool1d, kernel_size: 2, stride: 1, dilation: 2}}}}\n"
    with pytest.raises(archscope.UsageError, match=r"`run\.0\.p` \(max_pool1d\) cannot be written in Keras"):
        write_keras(archscope.read(f"{text}layers: {{run: {{type: b, repeat: 2}}}}\n"))


def test_lines_of_the_source_are_at_most_100_characters() -> None:
    for name in archscope.reader.spec_names():
        for line in write_keras(archscope.load(name)).splitlines():
            assert len(line) <= 100, (name, line)


@pytest.mark.slow
def test_the_keras_source_in_classes_is_the_built_module(tmp_path: Path) -> None:
    texts = {"stack": STACK, "stages": STAGES, "two": TWO_WAYS, "runs": RUNS, "tied": TIED, "siamese": SIAMESE}
    texts |= {"own": EACH_OF_ITS_OWN, **{f"shared{at}": sharing(line) for at, line in enumerate(SHARED.values())}}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    lines = keras_says(*(str(tmp_path / f"{name}.yaml") for name in texts))
    for line in lines[-len(texts) :]:
        name, ours, theirs, apart = line.split()
        assert ours == theirs, name
        assert float(apart) < 1e-5, line
