"""Layers with several inputs, by hand."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

CASES = [
    case("add", (64, 56, 56), (64, 56, 56), output=(64, 56, 56), label="add",
         why="a residual connection (He et al. 2016): shapes alike, nothing held"),
    case("add", (8, 4), (8, 4), (8, 4), output=(8, 4), why="any number of inputs"),
    case("add", (4, 1, 5), (4, 3, 1), output=(4, 3, 5),
         why="an extent of 1 is repeated on either side: 1 and 3 rows make 3, 5 and 1 columns make 5"),
    case("multiply", (64, 56, 56), (64, 1, 1), output=(64, 56, 56), label="multiply",
         why="squeeze and excitation (Hu et al. 2018): one factor a map, repeated over its positions"),
    case("multiply", (64, 56, 56), (1, 56, 56), output=(64, 56, 56),
         why="a mask: one factor a position, repeated over the maps, so the grid stays"),
    case("subtract", (64, 56, 56), (64, 56, 56), output=(64, 56, 56), label="subtract",
         why="what differs between two branches: shapes alike, nothing held"),
    case("subtract", (64, 56, 56), (1, 56, 56), output=(64, 56, 56), why="one map is taken from every other"),
    case("divide", (64, 56, 56), (64, 1, 1), output=(64, 56, 56), label="divide",
         why="by one value a map, repeated over its positions"),
    case("matmul", (8, 16, 32), (8, 32, 16), output=(8, 16, 16), macs=65_536, windows=None, label="matrix product",
         formula={"macs": "8·l·c·n"},
         why="eight heads compare 16 queries with 16 keys of 32 features: 8·16·32·16 = 65,536 MACs; nothing is held"),
    case("matmul", (6, 8), (8, 5), output=(6, 5), macs=240, windows=None, why="6·8·5 = 240 MACs"),
    case("matmul", (4, 6, 8), (1, 8, 5), output=(4, 6, 5), macs=960, windows=None,
         why="one matrix for all four: 4·6·8·5 = 960 MACs"),
    case("concat", (128, 13, 13), (128, 13, 13), output=(256, 13, 13), label="concat",
         why="AlexNet's conv3 reads both GPUs: 128 + 128 = 256 maps"),
    case("concat", (3, 8, 8), (4, 8, 8), (5, 8, 8), output=(12, 8, 8), why="3 + 4 + 5 = 12 maps"),
    case("concat", (4, 13, 17), (4, 13, 2), dim=-1, output=(4, 13, 19), windows=None,
         why="along the last axis: 17 + 2 = 19 columns; side by side there is no one grid"),
    case("concat", (4, 13, 17), (4, 2, 17), dim=1, output=(4, 15, 17), windows=None, why="13 + 2 = 15 rows"),
    case("concat", (3, 8, 8), (2, 8, 8), dim=-3, output=(5, 8, 8), why="the channels, counted from the end: 3 + 2 = 5"),
    case("concat", (4, 13, 17), dim=2, output=(4, 13, 17), why="of one input, that input, whatever the axis"),
    case("concat", (9,), output=(9,), why="of one input, that input"),
]  # fmt: skip

WRONG = [
    wrong("add", (64, 56, 56), (64, 28, 28), at=1,
          message="its inputs do not fit: 64×56×56 and 64×28×28; make the shapes equal; an extent of 1 is "
          "repeated"),
    wrong("multiply", (64, 56, 56), (64,), at=1,
          message="its inputs do not fit: 64×56×56 and 64; make the shapes equal; an extent of 1 is repeated"),
    wrong("add", (8, 4), (8, 4), (2, 4), at=2,
          message="its inputs do not fit: 8×4 and 2×4; make the shapes equal; an extent of 1 is repeated"),
    wrong("subtract", (8, 4), (8, 4), (8, 4), message="takes 2 inputs, not 3"),
    wrong("divide", (8, 4), message="takes 2 inputs, not 1"),
    wrong("divide", (8, 4), (8, 5), at=1,
          message="its inputs do not fit: 8×4 and 8×5; make the shapes equal; an extent of 1 is repeated"),
    wrong("add", (8, 4), message="takes 2 or more inputs, not 1"),
    wrong("matmul", (8,), (8, 5), at=0, message="takes matrices, (…, rows, columns), got 8"),
    wrong("matmul", (6, 8), (6, 5), at=1,
          message="6×8 has 8 columns and 6×5 has 6 rows; the last extent of the first must be the last but one of "
          "the second"),
    wrong("matmul", (4, 6, 8), (8, 5), at=1,
          message="its inputs do not fit: 4×6×8 and 8×5; give both the same axes in front of the last two; "
          "an extent of 1 is repeated"),
    wrong("matmul", (4, 6, 8), (3, 8, 5), at=1,
          message="its inputs do not fit: 4×6×8 and 3×8×5; give both the same axes in front of the last two; "
          "an extent of 1 is repeated"),
    wrong("concat", (3, 8, 8), (4, 8, 9), at=1,
          message="its inputs do not fit: 3×8×8 and 4×8×9; all axes but axis 0 must be equal"),
    wrong("concat", (3, 8, 8), (3, 8), at=1,
          message="its inputs do not fit: 3×8×8 and 3×8; all axes but axis 0 must be equal"),
    wrong("concat", (3, 8), (3, 8), dim=-3, blamed="dim", at=0,
          message="`dim: -3` is no axis of 3×8; axes count from 0, without the batch"),
    wrong("add", (4, 8, 8), (4, 8, 8), (4, 8, 7), at=2,
          message="its inputs do not fit: 4×8×8 and 4×8×7; make the shapes equal; an extent of 1 is repeated"),
    wrong("concat", (3, 8), (3, 8), dim=2, blamed="dim", at=0,
          message="`dim: 2` is no axis of 3×8; axes count from 0, without the batch"),
]  # fmt: skip
