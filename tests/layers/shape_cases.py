"""Layers that rearrange, pad or resize, by hand."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

_BORDERS = [("constant", {"value": -1}), ("reflection", {}), ("replication", {}), ("circular", {})]

CASES = [
    case("flatten", (256, 6, 6), output=(9_216,), windows=None, label="flatten",
         why="AlexNet's pool5 in one vector: 256·6·6 = 9,216"),
    case("flatten", (5,), output=(5,), windows=None, why="a vector stays one"),
    case("reshape", (120,), shape=[4, -1], output=(4, 30), windows=None, label="reshape",
         why="what is left: 120/4 = 30"),
    case("reshape", (4, 6), shape=[2, 3, 4], output=(2, 3, 4), windows=None, why="4·6 = 24 and 2·3·4 = 24"),
    case("reshape", (7, 3), shape=[-1], output=(21,), windows=None, why="7·3 = 21, all in one axis"),
    case("zero_pad1d", (16, 100), padding=[2, 0], output=(16, 102), windows=((1, 1, 2, 1),), label="zero padding",
         why="two zeros on the left: 100 + 2 + 0 = 102"),
    case("zero_pad2d", (1, 28, 28), padding=2, output=(1, 32, 32), windows=((1, 1, 2, 1), (1, 1, 2, 1)),
         label="zero padding", why="MNIST's digits for LeNet-5: 28 + 2·2 = 32"),
    case("zero_pad2d", (3, 5, 6), padding=[1, 2, 3, 4], output=(3, 12, 9), windows=((1, 1, 3, 1), (1, 1, 1, 1)),
         why="left, right, top, bottom, as PyTorch writes them: 5 + 3 + 4 = 12 rows, 6 + 1 + 2 = 9 columns"),
    case("zero_pad3d", (1, 4, 5, 6), padding=[1, 2, 3, 4, 5, 6], output=(1, 15, 12, 9),
         windows=((1, 1, 5, 1), (1, 1, 3, 1), (1, 1, 1, 1)), label="zero padding",
         why="then front, back: 4 + 5 + 6 = 15 deep, 5 + 3 + 4 = 12 high, 6 + 1 + 2 = 9 wide"),
    *(case(f"{kind}_pad1d", (4, 9), padding=[2, 3], output=(4, 14), label=f"{kind} padding",
           windows=((1, 1, 2, 1),) if kind == "constant" else None, why="2 before and 3 after: 9 + 2 + 3 = 14", **value)
      for kind, value in _BORDERS),
    *(case(f"{kind}_pad2d", (3, 5, 6), padding=[1, 2, 3, 4], output=(3, 12, 9), label=f"{kind} padding",
           windows=((1, 1, 3, 1), (1, 1, 1, 1)) if kind == "constant" else None,
           why="left, right, top, bottom: 5 + 3 + 4 = 12 rows, 6 + 1 + 2 = 9 columns", **value)
      for kind, value in _BORDERS),
    *(case(f"{kind}_pad3d", (1, 4, 5, 6), padding=[1, 2, 2, 1, 3, 0], output=(1, 7, 8, 9), label=f"{kind} padding",
           windows=((1, 1, 3, 1), (1, 1, 2, 1), (1, 1, 1, 1)) if kind == "constant" else None,
           why="then front, back: 4 + 3 + 0 = 7 deep, 5 + 2 + 1 = 8 high, 6 + 1 + 2 = 9 wide", **value)
      for kind, value in _BORDERS),
    case("reflection_pad2d", (3, 256, 256), padding=3, output=(3, 262, 262), windows=None,
         why="CycleGAN's first layer: 256 + 2·3 = 262"),
    case("pixel_shuffle", (9, 32, 32), upscale_factor=3, output=(1, 96, 96), windows=None, label="pixel shuffle ×3",
         why="ESPCN: 9/(3·3) = 1 map of 32·3 = 96 rows and columns"),
    case("unfold", (16, 8, 8), kernel_size=3, padding=1, output=(144, 64), windows=None, label="unfold 3×3",
         why="a column for each of 8·8 = 64 windows, with 16·3·3 = 144 values"),
    case("unfold", (3, 13, 17), kernel_size=[2, 3], stride=[2, 1], padding=[1, 0], dilation=[3, 2], output=(18, 78),
         windows=None, why="⌊(13 + 2 − 4)/2⌋ + 1 = 6 rows and 17 − 5 + 1 = 13 columns of windows, 6·13 = 78, each of "
         "3·2·3 = 18 values"),
    case("fold", (64, 16), output_size=8, kernel_size=2, stride=2, output=(16, 8, 8), windows=None, label="fold 2×2 /2",
         why="64/(2·2) = 16 maps, over which (8/2)·(8/2) = 16 windows lie side by side"),
    case("fold", (18, 78), output_size=[13, 17], kernel_size=[2, 3], stride=[2, 1], padding=[1, 0], dilation=[3, 2],
         output=(3, 13, 17), windows=None,
         why="18/(2·3) = 3 maps; 6·13 = 78 windows, as many as unfolding 13 by 17 makes"),
    case("pixel_unshuffle", (3, 32, 48), downscale_factor=2, output=(12, 16, 24), windows=((2, 2, 0, 1),) * 2,
         label="pixel unshuffle /2", why="3·2·2 = 12 maps of 32/2 = 16 rows and 48/2 = 24 columns, of 2·2 each"),
    case("channel_shuffle", (240, 28, 28), groups=3, output=(240, 28, 28), label="channel shuffle g3",
         why="ShuffleNet: 240/3 = 80 channels of three groups in turns, at every position by itself"),
    case("upsample", (3, 4, 5), size=1, output=(3, 1, 1), windows=None, why="every map shrinks to one value"),
    case("upsample", (3, 4, 5), scale_factor=0.25, output=(3, 1, 1), windows=None,
         why="a quarter of 4 is 1, and of 5 rounds down to 1"),
    case("upsample", (64, 14, 14), scale_factor=2, output=(64, 28, 28), windows=None, label="upsample ×2",
         why="2·14 = 28"),
    case("upsample", (4, 13, 17), scale_factor=[1.5, 2.3], mode="bilinear", output=(4, 19, 39), windows=None,
         label="upsample ×1.5×2.3", why="13·3/2 is 19.5 and 17·2.3 is 39.1; both are rounded down"),
    case("upsample", (4, 13, 17), size=[20, 30], mode="bicubic", output=(4, 20, 30), windows=None,
         label="upsample to 20×30", why="the size as stated"),
    case("upsample", (4, 8), size=3, mode="linear", output=(4, 3), windows=None, why="smaller too"),
    case("upsample", (4, 3, 4, 5), scale_factor=[2, 3, 2], mode="trilinear", output=(4, 6, 12, 10), windows=None,
         label="upsample ×2×3×2", why="3·2 = 6, 4·3 = 12, 5·2 = 10"),
]  # fmt: skip

WRONG = [
    *(wrong(f"{kind}_pad{n}d", (12,), padding=1, at=0,
            message=f"takes (channels, {axes}), got 12; a flattened vector has no window; put this layer before the "
            "`flatten`", **value)
      for kind, value in _BORDERS
      for n, axes in ((1, "length"), (2, "height, width"), (3, "depth, height, width"))),
    wrong("reflection_pad1d", (4, 9), padding=[9, 0], blamed="padding", at=0,
          message="reflection padding of 9 is more than the input's length of 9 has; use 8 at most"),
    wrong("circular_pad2d", (4, 9, 5), padding=[0, 6, 1, 1], blamed="padding", at=0,
          message="circular padding of 6 is more than the input's width of 5 has; use 5 at most"),
    wrong("constant_pad2d", padding=1, message="`value` is missing; `value` is a number"),
    wrong("unfold", (16, 8), kernel_size=3, at=0, message="takes (channels, height, width), got 16×8"),
    wrong("unfold", (3, 4, 9), kernel_size=5, blamed="kernel_size", at=0,
          message="a kernel of 5 is larger than the input's height of 4; use a kernel of at most 4, more padding, or a "
          "larger input"),
    wrong("fold", (10, 16), output_size=8, kernel_size=2, stride=2, blamed="kernel_size", at=0,
          message="columns of 10 values are no whole windows of 4; a column has a multiple of 4 values, a window for "
          "each channel"),
    wrong("fold", (16, 9), output_size=8, kernel_size=2, stride=2, blamed="output_size", at=0,
          message="9 columns for the 16 windows over 8×8; choose the size that was unfolded, with the same window, "
          "stride and padding"),
    wrong("fold", (16, 3, 3), output_size=8, kernel_size=2, at=0,
          message="takes (channels · kernel, windows), got 16×3×3; `unfold` makes that of maps"),
    wrong("pixel_shuffle", (10, 4, 4), upscale_factor=2, blamed="upscale_factor", at=0,
          message="4 maps make one, and 10 is no multiple of that; a factor of r takes r² maps for each of the output"),
    wrong("pixel_shuffle", (16, 4), upscale_factor=2, at=0, message="takes (channels, height, width), got 16×4"),
    wrong("pixel_unshuffle", (3, 8, 9), downscale_factor=2, blamed="downscale_factor", at=0,
          message="`downscale_factor: 2` does not divide the height and the width of 3×8×9; use a divisor of both"),
    wrong("channel_shuffle", (10, 4, 4), groups=3, blamed="groups", at=0,
          message="`groups: 3` does not divide the 10 input channels; use a divisor of 10"),
    wrong("channel_shuffle", (12,), groups=3, at=0, message="takes (channels, …), got 12"),
    wrong("flatten", (3,), (4,), message="takes 1 input, not 2; join them first with a `concat` or an `add` layer"),
    wrong("reshape", (10,), shape=[3, -1], blamed="shape", at=0,
          message="10 values of 10 do not fill `shape: [3, -1]`; the product of the extents must stay the same"),
    wrong("reshape", (4, 6), shape=[5, 5], blamed="shape", at=0,
          message="24 values of 4×6 do not fill `shape: [5, 5]`; the product of the extents must stay the same"),
    wrong("reshape", (4, 6), shape=[12], blamed="shape", at=0,
          message="24 values of 4×6 do not fill `shape: [12]`; the product of the extents must stay the same"),
    wrong("reshape", shape=[-1, 2, -1], blamed="shape",
          message="`shape` has more than one -1; leave one extent open at most"),
    wrong("reshape", shape=[2, 0], blamed="shape", message="`shape`: expected a positive integer, got 0"),
    *(wrong(f"zero_pad{n}d", (12,), padding=1, at=0,
            message=f"takes (channels, {axes}), got 12; a flattened vector has no window; put this layer before the "
            "`flatten`")
      for n, axes in ((1, "length"), (2, "height, width"), (3, "depth, height, width"))),
    wrong("zero_pad2d", padding=-1, blamed="padding",
          message="`padding`: expected a whole number, 0 or more, got -1"),
    wrong("upsample", (12,), scale_factor=2, at=0, message="takes (channels, …) with 1 to 3 axes, got 12"),
    wrong("upsample", message="takes either `size` or `scale_factor`; state one of the two"),
    wrong("upsample", size=4, scale_factor=2, message="takes either `size` or `scale_factor`; state one of the two"),
    wrong("upsample", (4, 8, 8), size=[4, 4, 4], blamed="size", at=0, message="`size` has 3 values for 2 axes"),
    wrong("upsample", (4, 2, 2), scale_factor=0.25, blamed="scale_factor", at=0,
          message="`scale_factor` leaves nothing of 2 positions"),
    wrong("upsample", (4, 8), scale_factor=2, mode="bilinear", blamed="mode", at=0,
          message="`mode: bilinear` does not interpolate along 1 axis; use nearest or linear"),
]  # fmt: skip
