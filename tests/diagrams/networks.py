"""Networks that figures must cope with, or refuse with a reason; written as specs."""

from __future__ import annotations

from textwrap import dedent

import archscope
from archscope.network import Network
from tools.pages.gallery import PYRAMID, SIAMESE


def _two_heads(pyramid: str) -> str:
    """The gallery's detector with a convolution at each size, and with a second head that shares its weights, too."""
    neck = pyramid.partition("  classes3:")[0]
    conv = "type: conv2d, out_channels: {}, kernel_size: 3, padding: 1, from: {}"
    lines = [
        f"  p{size}: {{{conv.format(256, source)}}}" for size, source in ((3, "sum3"), (4, "sum4"), (5, "lateral5"))
    ]
    heads = [(head, channels, size) for head, channels in (("classes", 80), ("boxes", 4)) for size in (3, 4, 5)]
    for head, channels, size in heads:
        shared = "" if size == 3 else f", shares: {head}3"
        lines.append(f"  {head}{size}: {{{conv.format(channels, f'p{size}')}{shared}}}")
    return "\n".join(
        (neck + lines[0], *lines[1:], f"output: [{', '.join(f'{head}{size}' for head, _, size in heads)}]\n")
    )


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
    # Activations, which have no column, beside one another.
    "two_ways": """
        input: [1, 12, 12]
        layers:
          conv: {type: conv2d, out_channels: 4, kernel_size: 3}
          one: {type: relu}
          other: {type: tanh, from: conv}
          sum: {type: add, from: [one, other]}
          pool: {type: max_pool2d, kernel_size: 2}
          flatten: {type: flatten}
          out: {type: linear, out_features: 3}
        """,
    "two_ends": """
        input: [8]
        layers:
          trunk: {type: linear, out_features: 4}
          one: {type: linear, out_features: 2}
          other: {type: linear, out_features: 2, from: trunk}
        output: [one, other]
        """,
    "siamese": SIAMESE,
    "detector": _two_heads(PYRAMID),
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
