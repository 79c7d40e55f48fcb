"""Networks that figures must cope with, or refuse with a reason; written as specs."""

from __future__ import annotations

from textwrap import dedent

import archscope
from archscope.network import Network

SPECS = {
    "one_layer": """
        input: [1, 8, 8]
        layers:
          conv: {type: conv2d, out_channels: 2, kernel_size: 3}
        """,
    "perceptron": """
        input: [784]
        layers:
          hidden: {type: linear, out_features: 300, activation: tanh}
          output: {type: linear, out_features: 10, activation: softmax}
        """,
    "sound": """
        input: [1, 16000]
        layers:
          conv1: {type: conv1d, out_channels: 32, kernel_size: 80, stride: 4, activation: relu}
          pool1: {type: max_pool1d, kernel_size: 4}
          conv2: {type: conv1d, out_channels: 64, kernel_size: 3, activation: relu}
          pool2: {type: max_pool1d, kernel_size: 4}
        """,
    "long_names": """
        input: [3, 64, 64]
        layers:
          the_first_convolution_of_the_stem: {type: conv2d, out_channels: 16, kernel_size: 7, stride: 2}
          a_maximum_over_windows_that_overlap: {type: max_pool2d, kernel_size: 3, stride: 2}
          the_second_convolution_of_the_stem: {type: conv2d, out_channels: 32, kernel_size: [5, 3], activation: relu}
          average_over_all_that_is_left: {type: adaptive_avg_pool2d, output_size: 1}
          rolled_out: {type: flatten}
          the_classifier: {type: linear, out_features: 5}
        """,
    "wide_pictures": """
        input: [3, 32, 128]
        layers:
          conv1: {type: conv2d, out_channels: 8, kernel_size: [3, 9], padding: [1, 4], activation: relu}
          conv2: {type: conv2d, out_channels: 24, kernel_size: 3, padding: 1, stride: 2}
          pool: {type: max_pool2d, kernel_size: 2}
        """,
    "decoder": """
        input: [100]
        layers:
          project: {type: linear, out_features: 3136, activation: relu}
          fold: {type: reshape, shape: [64, 7, 7]}
          up1: {type: conv_transpose2d, out_channels: 16, kernel_size: 4, stride: 2, padding: 1, activation: relu}
          up2: {type: conv_transpose2d, out_channels: 1, kernel_size: 4, stride: 2, padding: 1, activation: sigmoid}
        """,
    "three_towers": """
        input: [3, 32, 32]
        layers:
          conv1: {type: conv2d, out_channels: 8, kernel_size: 3, towers: &all [red, green, blue]}
          conv2: {type: conv2d, out_channels: 8, kernel_size: 3, towers: *all}
          joined: {type: concat}
          conv3: {type: conv2d, out_channels: 12, kernel_size: 3, towers: *all}
          again: {type: concat}
          flat: {type: flatten}
          fc: {type: linear, out_features: 10}
        """,
    "vgg16": "input: [3, 224, 224]\nlayers:\n"
    + "".join(
        f"  conv{stage}_{number}: {{type: conv2d, out_channels: {maps}, kernel_size: 3, padding: 1}}\n"
        + (f"  pool{stage}: {{type: max_pool2d, kernel_size: 2}}\n" if number == repeats else "")
        for stage, (maps, repeats) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1)
        for number in range(1, repeats + 1)
    )
    + "  flatten: {type: flatten}\n"
    + "".join(
        f"  fc{number}: {{type: linear, out_features: {units}, activation: {activation}}}\n"
        for number, units, activation in ((6, 4096, "relu"), (7, 4096, "relu"), (8, 1000, "softmax"))
    ),
    "twenty_layers": "input: [3, 64, 64]\nlayers:\n"
    + "".join(
        f"  conv{number}: {{type: conv2d, out_channels: {8 * number}, kernel_size: 3}}\n" for number in range(1, 21)
    ),
    "residual": """
        input: [8, 16, 16]
        layers:
          stem: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
          branch: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
          sum: {type: add, from: [stem, branch]}
        """,
    "two_inputs": """
        input: {left: [4], right: [4]}
        layers:
          both: {type: add, from: [left, right]}
          fc: {type: linear, out_features: 2}
        """,
    "two_ends": """
        input: [8]
        layers:
          trunk: {type: linear, out_features: 4}
          one: {type: linear, out_features: 2}
          other: {type: linear, out_features: 2, from: trunk}
        output: [one, other]
        """,
    "siamese": """
        title: Siamese network
        input: {left: [1, 105, 105], right: [1, 105, 105]}
        layers:
          conv1: {type: conv2d, out_channels: 64, kernel_size: 10, activation: relu, from: left}
          pool1: {type: max_pool2d, kernel_size: 2}
          conv2: {type: conv2d, out_channels: 128, kernel_size: 7, activation: relu}
          pool2: {type: max_pool2d, kernel_size: 2}
          conv3: {type: conv2d, out_channels: 128, kernel_size: 4, activation: relu}
          flat: {type: flatten}
          fc: {type: linear, out_features: 4096, activation: sigmoid}
          conv1b: {type: conv2d, out_channels: 64, kernel_size: 10, activation: relu, shares: conv1, from: right}
          pool1b: {type: max_pool2d, kernel_size: 2}
          conv2b: {type: conv2d, out_channels: 128, kernel_size: 7, activation: relu, shares: conv2}
          pool2b: {type: max_pool2d, kernel_size: 2}
          conv3b: {type: conv2d, out_channels: 128, kernel_size: 4, activation: relu, shares: conv3}
          flatb: {type: flatten}
          fcb: {type: linear, out_features: 4096, activation: sigmoid, shares: fc}
          distance: {type: subtract, from: [fc, fcb]}
          same: {type: linear, out_features: 1, activation: sigmoid}
        """,
    "detector": """
        title: Detector with a feature pyramid
        input: [3, 512, 512]
        blocks:
          stage:
            options: {c: , n: 2}
            layers:
              down: {type: conv2d, out_channels: $c, kernel_size: 3, stride: 2, padding: 1, activation: relu}
              conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1, activation: relu, repeat: $n}
        layers:
          stem: {type: conv2d, out_channels: 64, kernel_size: 7, stride: 2, padding: 3, activation: relu}
          pool: {type: max_pool2d, kernel_size: 3, stride: 2, padding: 1}
          c3: {type: stage, c: 128}
          c4: {type: stage, c: 256}
          c5: {type: stage, c: 512}
          lateral5: {type: conv2d, out_channels: 256, kernel_size: 1}
          lateral4: {type: conv2d, out_channels: 256, kernel_size: 1, from: c4}
          lateral3: {type: conv2d, out_channels: 256, kernel_size: 1, from: c3}
          top5: {type: upsample, scale_factor: 2, from: lateral5}
          sum4: {type: add, from: [lateral4, top5]}
          top4: {type: upsample, scale_factor: 2, from: sum4}
          sum3: {type: add, from: [lateral3, top4]}
          p3: {type: conv2d, out_channels: 256, kernel_size: 3, padding: 1, from: sum3}
          p4: {type: conv2d, out_channels: 256, kernel_size: 3, padding: 1, from: sum4}
          p5: {type: conv2d, out_channels: 256, kernel_size: 3, padding: 1, from: lateral5}
          classes3: {type: conv2d, out_channels: 80, kernel_size: 3, padding: 1, from: p3}
          classes4: {type: conv2d, out_channels: 80, kernel_size: 3, padding: 1, shares: classes3, from: p4}
          classes5: {type: conv2d, out_channels: 80, kernel_size: 3, padding: 1, shares: classes3, from: p5}
          boxes3: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, from: p3}
          boxes4: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, shares: boxes3, from: p4}
          boxes5: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, shares: boxes3, from: p5}
        output: [classes3, classes4, classes5, boxes3, boxes4, boxes5]
        """,
    "cube": """
        input: [1, 8, 8, 8]
        layers:
          conv: {type: conv3d, out_channels: 2, kernel_size: 3}
        """,
}


def network(name: str) -> Network:
    """One of `SPECS`, or a spec that ships with archscope."""
    if name not in SPECS:
        return archscope.load(name)
    return archscope.read(dedent(SPECS[name]), name=name)
