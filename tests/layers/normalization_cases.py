"""Normalization and dropout, by hand."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

CASES = [
    case("lrn", (48, 55, 55), size=5, alpha=5e-4, beta=0.75, k=2, output=(48, 55, 55), label="LRN",
         why="AlexNet's local response normalization: five neighbouring maps at one position, four constants and "
         "nothing trained"),
    case("lrn", (4, 19), size=3, output=(4, 19), why="along one axis the same"),
    case("lrn", (6, 8, 9), size=3, within_channel=True, output=(6, 8, 9), windows=((3, 1, 1, 1),) * 2,
         label="LRN within maps", why="Caffe's WITHIN_CHANNEL: 3·3 = 9 neighbours in the same map"),
    case("batch_norm", (96, 8, 8), output=(96, 8, 8), parameters=192, fixed=192, connections=12_288, units=6_144,
         label="BN", working={"parameters": "(1 + 1)·96", "fixed": "(1 + 1)·96", "connections": "2·8·8·96"},
         why="after conv1 of the course's Keras AlexNet: a scale and a shift a channel, (1 + 1)·96 = 192 parameters, "
         "and a running mean and variance that are not trained; each of 8·8·96 = 6,144 units has one weighted line "
         "and one bias line, 2·6,144 = 12,288 connections"),
    case("batch_norm", (4_096,), output=(4_096,), parameters=8_192, fixed=8_192, connections=8_192, units=4_096,
         why="after a dense layer every unit is a channel: (1 + 1)·4,096 = 8,192 parameters, each used once"),
    case("batch_norm", (4, 9), affine=False, output=(4, 9), fixed=8, units=36,
         why="without scale and shift only the running statistics are left, 2·4 = 8 fixed values"),
    case("batch_norm", (4, 7, 9, 8), track_running_stats=False, output=(4, 7, 9, 8), parameters=8, connections=4_032,
         units=2_016, why="without running statistics: (1 + 1)·4 = 8 parameters, 2·7·9·8·4 = 4,032 connections"),
    case("layer_norm", (16, 64), normalized_shape=64, output=(16, 64), parameters=128, connections=2_048, units=1_024,
         windows=None, label="LN", formula={"parameters": "(1 + 1)·n"},
         why="a scale and a shift for each of 64 features, (1 + 1)·64 = 128 parameters, at 16 positions: "
         "2·64·16 = 2,048 connections"),
    case("rms_norm", (16, 64), normalized_shape=64, eps=0.001, output=(16, 64), parameters=64, connections=1_024,
         units=1_024, windows=None, label="RMS norm",
         why="a scale for each of 64 features and no shift (Zhang and Sennrich 2019): 64 parameters at 16 positions, "
         "64·16 = 1,024 connections"),
    case("rms_norm", (16, 10), output=(16, 10), parameters=160, connections=160, units=160, windows=None,
         why="over all values of a sample: a scale for each of 16·10 = 160"),
    case("rms_norm", (10, 16), elementwise_affine=False, output=(10, 16), windows=None,
         why="it scales by nothing, so it holds nothing"),
    case("instance_norm", (64, 32, 32), output=(64, 32, 32), windows=None, label="IN",
         why="as PyTorch has it by default, it holds nothing (Ulyanov et al. 2016)"),
    case("instance_norm", (64, 8, 8), affine=True, output=(64, 8, 8), parameters=128, connections=8_192, units=4_096,
         windows=None,
         why="a scale and a shift a map, 2·64 = 128 parameters, two lines at each of 64·8·8 = 4,096 places: "
         "2·4,096 = 8,192 connections; the statistics of a map reach all of it"),
    case("instance_norm", (4, 10), affine=True, track_running_stats=True, output=(4, 10), parameters=8, fixed=8,
         connections=80, units=40,
         why="2·4 = 8 parameters, and a running mean and variance a map, 2·4 = 8 fixed; at inference these stand for "
         "the map's own, so each value sees itself alone: 2·4·10 = 80 connections"),
    case("layer_norm", (16, 10), output=(16, 10), parameters=320, connections=320, units=160, windows=None,
         why="over the whole sample unless told otherwise: 2·16·10 = 320 parameters, each used once"),
    case("layer_norm", (3, 4, 5), normalized_shape=[4, 5], output=(3, 4, 5), parameters=40, connections=120, units=60,
         windows=None, why="over the last two axes: 2·4·5 = 40 parameters, 2·3·4·5 = 120 connections"),
    case("layer_norm", (10, 16), normalized_shape=16, bias=False, output=(10, 16), parameters=16, connections=160,
         units=160, windows=None, why="a scale alone: 1·16 = 16 parameters, 16·10 = 160 connections"),
    case("layer_norm", (10, 16), elementwise_affine=False, output=(10, 16), windows=None,
         why="no weights at all: nothing to count"),
    case("group_norm", (64, 32, 32), num_groups=8, output=(64, 32, 32), parameters=128, connections=131_072,
         units=65_536, windows=None, label="GN",
         why="the statistics are of 8 maps together, the scale and the shift a map's: (1 + 1)·64 = 128 parameters, "
         "2·32·32·64 = 131,072 connections"),
    case("group_norm", (6, 4), num_groups=6, affine=False, output=(6, 4), windows=None, why="no weights"),
    case("dropout1d", (16, 100), p=0.2, output=(16, 100), label="map dropout", why="whole channels, while training"),
    case("dropout2d", (96, 55, 55), output=(96, 55, 55), label="map dropout", why="whole maps, while training"),
    case("dropout3d", (8, 4, 7, 7), output=(8, 4, 7, 7), label="map dropout", why="whole volumes, while training"),
    case("drop_path", (197, 768), p=0.1, output=(197, 768), label="drop path",
         why="a residual branch of a sample, while training: nothing held and nothing multiplied"),
    case("dropout", (4_096,), p=0.5, output=(4_096,), label="dropout", why="AlexNet's fc6 and fc7: no weights"),
    case("normalize", (128,), output=(128,), label="length 1",
         why="FaceNet's embedding: 128 values divided by their length, nothing held"),
    case("normalize", (64, 7, 7), dim=-1, p=1, output=(64, 7, 7), windows=None,
         why="each row of 7 adds up to 1, whatever its sign"),
]  # fmt: skip

WRONG = [
    wrong("normalize", (128,), dim=1, blamed="dim", at=0,
          message="`dim: 1` is no axis of 128; axes count from 0, without the batch"),
    *(wrong(f"dropout{n}d", (12,), at=0,
            message=f"takes (channels, {axes}), got 12; a flattened vector has no window; put this layer before the "
            "`flatten`")
      for n, axes in ((1, "length"), (2, "height, width"), (3, "depth, height, width"))),
    wrong("drop_path", p=1.5, blamed="p", message="`p`: expected a probability from 0 to 1, got 1.5"),
    wrong("lrn", (400,), size=5, at=0, message="takes (channels, …), got 400"),
    wrong("lrn", size=4, within_channel=True, blamed="size",
          message="`size: 4` has no middle; within a map use an odd size, such as 5"),
    wrong("lrn", (4, 19), size=3, within_channel=True, at=0,
          message="within maps takes (channels, height, width), got 4×19"),
    wrong("lrn", size=5, alpha=-1, blamed="alpha", message="`alpha`: expected a number above 0, got -1"),
    wrong("lrn", size=5, k=float("nan"), blamed="k", message="`k`: expected a finite number, got nan"),
    wrong("batch_norm", (2, 3, 4, 5, 6), at=0, message="takes channels with up to 3 axes, got 2×3×4×5×6"),
    wrong("batch_norm", momentum=1.5, blamed="momentum",
          message="`momentum`: expected a probability from 0 to 1, got 1.5"),
    wrong("rms_norm", (16, 64), normalized_shape=32, blamed="normalized_shape", at=0,
          message="`normalized_shape: [32]` does not fit the end of 16×64"),
    wrong("instance_norm", (64,), at=0, message="takes channels with 1 to 3 axes, got 64"),
    wrong("instance_norm", (3, 4, 5, 6, 7), at=0, message="takes channels with 1 to 3 axes, got 3×4×5×6×7"),
    wrong("layer_norm", (16, 64), normalized_shape=32, blamed="normalized_shape", at=0,
          message="`normalized_shape: [32]` does not fit the end of 16×64"),
    wrong("layer_norm", (64,), normalized_shape=[16, 64], blamed="normalized_shape", at=0,
          message="`normalized_shape: [16, 64]` does not fit the end of 64"),
    wrong("group_norm", (64, 8, 8), num_groups=6, blamed="num_groups", at=0,
          message="`num_groups: 6` does not divide the 64 input channels; use a divisor of 64"),
    wrong("dropout", p=-0.1, blamed="p", message="`p`: expected a probability from 0 to 1, got -0.1"),
    wrong("dropout", p="half", blamed="p", message="`p`: expected a number, got 'half'"),
]  # fmt: skip
