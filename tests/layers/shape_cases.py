"""Layers that rearrange, pad or resize, by hand."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

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
    wrong("flatten", (3,), (4,), message="takes 1 input, not 2; join them first with a `concat` or an `add` layer"),
    wrong("reshape", (10,), shape=[3, -1], blamed="shape", at=0,
          message="10 values of (10,) do not fill (3, -1); the product of the extents must stay the same"),
    wrong("reshape", (4, 6), shape=[5, 5], blamed="shape", at=0,
          message="24 values of (4, 6) do not fill (5, 5); the product of the extents must stay the same"),
    wrong("reshape", (4, 6), shape=[12], blamed="shape", at=0,
          message="24 values of (4, 6) do not fill (12,); the product of the extents must stay the same"),
    wrong("reshape", shape=[-1, 2, -1], blamed="shape",
          message="`shape` has more than one -1; leave one extent open at most"),
    wrong("reshape", shape=[2, 0], blamed="shape", message="`shape`: expected a positive integer, got 0"),
    *(wrong(f"zero_pad{n}d", (12,), padding=1, at=0,
            message=f"takes (channels, {axes}), got (12,); a flattened vector has no window; put this layer before the "
            "`flatten`")
      for n, axes in ((1, "length"), (2, "height, width"), (3, "depth, height, width"))),
    wrong("zero_pad2d", padding=-1, blamed="padding",
          message="`padding`: expected a whole number, 0 or more, got -1"),
    wrong("upsample", (12,), scale_factor=2, at=0, message="takes (channels, …) with 1 to 3 axes, got (12,)"),
    wrong("upsample", message="takes either `size` or `scale_factor`; state one of the two"),
    wrong("upsample", size=4, scale_factor=2, message="takes either `size` or `scale_factor`; state one of the two"),
    wrong("upsample", (4, 8, 8), size=[4, 4, 4], blamed="size", at=0, message="`size` has 3 values for 2 axes"),
    wrong("upsample", (4, 2, 2), scale_factor=0.25, blamed="scale_factor", at=0,
          message="`scale_factor` leaves nothing of 2 positions"),
    wrong("upsample", (4, 8), scale_factor=2, mode="bilinear", blamed="mode", at=0,
          message="`mode: bilinear` does not interpolate along 1 axis; use nearest or linear"),
]  # fmt: skip
