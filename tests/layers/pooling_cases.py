"""Pooling of every kind and LeCun's sub-sampling, by hand."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

CASES = [
    case("max_pool1d", (16, 99), kernel_size=2, output=(16, 49), windows=((2, 2, 0, 1),), label="max pool 2 /2",
         why="⌊(99 − 2)/2⌋ + 1 = 49: the odd value at the end is dropped"),
    case("max_pool2d", (96, 55, 55), kernel_size=3, stride=2, output=(96, 27, 27),
         windows=((3, 2, 0, 1), (3, 2, 0, 1)), label="max pool 3×3 /2",
         why="AlexNet's overlapping pooling: ⌊(55 − 3)/2⌋ + 1 = 27; no weights, so no connections and no units"),
    case("max_pool2d", (1, 6, 6), kernel_size=3, stride=2, ceil_mode=True, output=(1, 3, 3),
         windows=((3, 2, 0, 1), (3, 2, 0, 1)),
         why="⌈(6 − 3)/2⌉ + 1 = 3: the last window begins at 4, inside, and hangs over the end; rounding down gives "
         "⌊(6 − 3)/2⌋ + 1 = 2"),
    case("max_pool2d", (1, 5, 6), kernel_size=2, stride=2, padding=1, ceil_mode=True, output=(1, 3, 4),
         windows=((2, 2, 1, 1), (2, 2, 1, 1)),
         why="of ⌈(5 + 2·1 − 2)/2⌉ + 1 = 4 rows the last would begin at 3·2 − 1 = 5, beyond the last value, so 3 are "
         "left; of ⌈(6 + 2·1 − 2)/2⌉ + 1 = 4 columns the last begins at 5, the last value"),
    case("max_pool2d", (1, 2, 2), kernel_size=1, stride=3, ceil_mode=True, output=(1, 1, 1),
         windows=((1, 3, 0, 1), (1, 3, 0, 1)),
         why="⌈(2 − 1)/3⌉ + 1 = 2, but the second window would begin at 3, outside"),
    case("max_pool2d", (8, 2, 2), kernel_size=3, stride=2, ceil_mode=True, output=(8, 1, 1),
         windows=((3, 2, 0, 1), (3, 2, 0, 1)),
         why="a window larger than its input hangs over the end from the start: ⌈(2 − 3)/2⌉ + 1 = 1, as in PyTorch"),
    case("max_pool2d", (2, 9, 12), kernel_size=3, dilation=2, output=(2, 2, 3),
         windows=((3, 3, 0, 2), (3, 3, 0, 2)),
         why="the windows reach 2·(3 − 1) + 1 = 5 and lie 3 apart: ⌊(9 − 5)/3⌋ + 1 = 2 and ⌊(12 − 5)/3⌋ + 1 = 3"),
    case("max_pool2d", (256, 2, 2), kernel_size=2, padding="same", output=(256, 1, 1),
         windows=((2, 2, 0, 1), (2, 2, 0, 1)),
         why="Keras's `same` where nothing is left over pads nothing: ⌈2/2⌉ = 1"),
    case("max_pool3d", (8, 16, 32, 33), kernel_size=(1, 2, 3), output=(8, 16, 16, 11),
         windows=((1, 1, 0, 1), (2, 2, 0, 1), (3, 3, 0, 1)), label="max pool 1×2×3 /1×2×3",
         why="a kernel of its own along each axis, as far apart as it is wide: 16/1 = 16, 32/2 = 16, 33/3 = 11"),
    case("avg_pool1d", (16, 10), kernel_size=4, stride=3, padding=[2, 0], output=(16, 3),
         windows=((4, 3, 2, 1),), label="average pool 4 /3",
         why="two zeros before and none after: ⌊(10 + 2 + 0 − 4)/3⌋ + 1 = 3"),
    case("avg_pool2d", (6, 28, 28), kernel_size=2, output=(6, 14, 14), windows=((2, 2, 0, 1), (2, 2, 0, 1)),
         label="average pool 2×2 /2", why="⌊(28 − 2)/2⌋ + 1 = 14; unlike LeNet-5's sub-sampling it holds no weights"),
    case("avg_pool2d", (2, 5, 7), kernel_size=2, padding="same", count_include_pad=False, output=(2, 3, 4),
         windows=((2, 2, 0, 1), (2, 2, 0, 1)),
         why="⌈5/2⌉ = 3 and ⌈7/2⌉ = 4, one zero after each axis; whether it counts in the mean changes no number here"),
    case("avg_pool2d", (4, 7, 8), kernel_size=(2, 3), stride=(3, 2), ceil_mode=True, output=(4, 3, 4),
         windows=((2, 3, 0, 1), (3, 2, 0, 1)), label="average pool 2×3 /3×2",
         why="⌈(7 − 2)/3⌉ + 1 = 3: the last window begins at 6, the last row; ⌈(8 − 3)/2⌉ + 1 = 4: it begins at 6 too"),
    case("avg_pool3d", (8, 16, 32, 32), kernel_size=2, output=(8, 8, 16, 16), windows=((2, 2, 0, 1),) * 3,
         label="average pool 2×2×2 /2", why="half along each axis: 16/2 = 8, 32/2 = 16"),
    case("adaptive_avg_pool1d", (16, 100), output_size=1, output=(16, 1), windows=((100, 100, 0, 1),),
         label="global average pool", why="one window over all 100 positions"),
    case("adaptive_avg_pool2d", (256, 6, 6), output_size=6, output=(256, 6, 6),
         windows=((1, 1, 0, 1), (1, 1, 0, 1)), label="average pool to 6×6",
         why="torchvision's AlexNet at 224×224: 6/6 = 1 value a window, nothing changes"),
    case("adaptive_avg_pool2d", (8, 7, 10), output_size=(3, 4), output=(8, 3, 4), windows=None,
         label="average pool to 3×4",
         why="3 windows over 7 values: from ⌊0·7/3⌋ = 0, ⌊1·7/3⌋ = 2 and ⌊2·7/3⌋ = 4 up to ⌈1·7/3⌉ = 3, ⌈2·7/3⌉ = 5 "
         "and ⌈3·7/3⌉ = 7; they overlap and are no grid"),
    case("adaptive_avg_pool2d", (8, 3, 3), output_size=7, output=(8, 7, 7), windows=None,
         why="more windows than values: values are repeated"),
    case("adaptive_avg_pool3d", (8, 4, 8, 8), output_size=(1, 2, 4), output=(8, 1, 2, 4),
         windows=((4, 4, 0, 1), (4, 4, 0, 1), (2, 2, 0, 1)), label="average pool to 1×2×4",
         why="windows of 4/1 = 4, 8/2 = 4 and 8/4 = 2"),
    case("adaptive_max_pool1d", (16, 100), output_size=10, output=(16, 10), windows=((10, 10, 0, 1),),
         label="max pool to 10", why="windows of 100/10 = 10"),
    case("adaptive_max_pool2d", (8, 6, 8), output_size=(2, 4), output=(8, 2, 4),
         windows=((3, 3, 0, 1), (2, 2, 0, 1)), label="max pool to 2×4", why="windows of 6/2 = 3 by 8/4 = 2"),
    case("adaptive_max_pool3d", (8, 4, 7, 7), output_size=1, output=(8, 1, 1, 1),
         windows=((4, 4, 0, 1), (7, 7, 0, 1), (7, 7, 0, 1)), label="global max pool",
         why="one window over each volume"),
    case(
        "subsampling", (2, 5, 7), kernel_size=2, output=(2, 2, 3), parameters=4, connections=60, units=12,
        windows=((2, 2, 0, 1), (2, 2, 0, 1)),
        why="nothing is padded, so a row and a column are left over: 2 and 3 windows a side; (1 + 1)·2 = 4 parameters, "
        "(2·2 + 1)·2·3·2 = 60 connections of 2·3·2 = 12 units",
    ),
    case("subsampling", (6, 28, 28), kernel_size=2, output=(6, 14, 14), parameters=12, connections=5_880, units=1_176,
         windows=((2, 2, 0, 1), (2, 2, 0, 1)), label="subsampling 2×2",
         working={"parameters": "(1 + 1)·6", "connections": "(2·2 + 1)·14·14·6"},
         formula={"connections": "(k·k + 1)·h·w·n"},
         why="LeNet-5's S2 (LeCun et al. 1998, Sec. II-B): one coefficient and one bias a map, (1 + 1)·6 = 12 "
         "parameters; every unit has four inputs and a bias, (2·2 + 1)·14·14·6 = 5,880 connections; "
         "14·14·6 = 1,176 units"),
    case("subsampling", (16, 10, 10), kernel_size=2, output=(16, 5, 5), parameters=32, connections=2_000, units=400,
         windows=((2, 2, 0, 1), (2, 2, 0, 1)),
         why="LeNet-5's S4: (1 + 1)·16 = 32 parameters, (2·2 + 1)·5·5·16 = 2,000 connections"),
    case("subsampling", (2, 7, 9), kernel_size=(3, 2), stride=2, output=(2, 3, 4), parameters=4, connections=168,
         units=24, windows=((3, 2, 0, 1), (2, 2, 0, 1)), label="subsampling 3×2 /2",
         formula={"connections": "(kh·kw + 1)·h·w·n"},
         why="overlapping rows: ⌊(7 − 3)/2⌋ + 1 = 3 by ⌊(9 − 2)/2⌋ + 1 = 4; (1 + 1)·2 = 4 parameters, "
         "(3·2 + 1)·3·4·2 = 168 connections"),
]  # fmt: skip

_AXES = {1: "(channels, length)", 2: "(channels, height, width)", 3: "(channels, depth, height, width)"}
_FLAT = "got 400; a flattened vector has no window; put this layer before the `flatten`"

WRONG = [
    *(wrong(f"{kind}_pool{n}d", (400,), kernel_size=2, at=0, message=f"takes {_AXES[n]}, {_FLAT}")
      for kind in ("max", "avg") for n in (1, 2, 3)),
    *(wrong(f"adaptive_{kind}_pool{n}d", (400,), output_size=2, at=0, message=f"takes {_AXES[n]}, {_FLAT}")
      for kind in ("max", "avg") for n in (1, 2, 3)),
    wrong("subsampling", (400,), kernel_size=2, at=0, message=f"takes {_AXES[2]}, {_FLAT}"),
    wrong("subsampling", (6, 1, 8), kernel_size=2, blamed="kernel_size", at=0,
          message="a kernel of 2 is larger than the input's height of 1; use a kernel of at most 1, more padding, or a "
          "larger input"),
    wrong("max_pool2d", (6, 2, 8), kernel_size=3, blamed="kernel_size", at=0,
          message="a kernel of 3 is larger than the input's height of 2; use a kernel of at most 2, more padding, or a "
          "larger input"),
    wrong("max_pool2d", (6, 1, 8), kernel_size=3, stride=2, ceil_mode=True, blamed="kernel_size", at=0,
          message="a kernel of 3 is larger than the input's height of 1; use a kernel of at most 1, more padding, or a "
          "larger input"),
    wrong("max_pool2d", kernel_size=3, padding=2, blamed="padding",
          message="padding of 2 is more than half the kernel of 3: a window would hold nothing; use at most 1, or a "
          "`zero_pad2d` layer before this one"),
    wrong("max_pool1d", kernel_size=3, dilation=2, padding=2, blamed="padding",
          message="padding of 2 is more than half the kernel of 3: a window would hold nothing; use at most 1, or a "
          "`zero_pad1d` layer before this one"),
    wrong("avg_pool3d", kernel_size=2, padding=[0, 2, 0, 0, 0, 0], blamed="padding",
          message="padding of 2 is more than half the kernel of 2: a window would hold nothing; use at most 1, or a "
          "`zero_pad3d` layer before this one"),
    wrong("avg_pool2d", kernel_size=2, dilation=2, blamed="dilation",
          message="unknown option `dilation`; options: kernel_size, stride, padding, ceil_mode, count_include_pad"),
    wrong("max_pool2d", kernel_size=2, ceil_mode="yes", blamed="ceil_mode",
          message="`ceil_mode`: expected true or false, got 'yes'; write true"),
    wrong("adaptive_avg_pool2d",
          message="`output_size` is missing; `output_size` is a positive integer or a pair of them"),
]  # fmt: skip
