"""Activations: the shape unchanged, and weights only in PReLU."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

_PLAIN = {
    "relu": ("ReLU", {}), "relu6": ("ReLU6", {}), "leaky_relu": ("leaky ReLU", {"negative_slope": 0.2}),
    "elu": ("ELU", {"alpha": 0.5}), "selu": ("SELU", {}), "gelu": ("GELU", {"approximate": "tanh"}),
    "silu": ("SiLU", {}), "sigmoid": ("sigmoid", {}), "tanh": ("tanh", {}),
    "scaled_tanh": ("scaled tanh", {"amplitude": 1.7159, "slope": 2 / 3}),
    "hardtanh": ("hardtanh", {"min_val": -2, "max_val": 2}), "hardsigmoid": ("hard sigmoid", {}),
    "hardswish": ("hard swish", {}), "softplus": ("softplus", {"beta": 2}), "identity": ("identity", {}),
    "mish": ("Mish", {}), "celu": ("CELU", {"alpha": 0.5}), "softsign": ("softsign", {}),
    "logsigmoid": ("log sigmoid", {}), "tanhshrink": ("tanh shrink", {}),
    "softshrink": ("soft shrink", {"lambd": 0.25}),
    "hardshrink": ("hard shrink", {"lambd": 0}), "threshold": ("threshold", {"threshold": 0.1, "value": 20}),
    "rrelu": ("RReLU", {"lower": 0.1, "upper": 0.3}),
}  # fmt: skip

_GATED = [("glu", "GLU"), ("geglu", "GEGLU"), ("swiglu", "SwiGLU"), ("reglu", "ReGLU")]

CASES = [
    *(case(name, (6, 28, 28), output=(6, 28, 28), label=label, why="a function of each value by itself", **options)
      for name, (label, options) in _PLAIN.items()),
    case("prelu", (64, 56, 56), output=(64, 56, 56), parameters=1, connections=200_704, units=200_704, label="PReLU",
         why="1 slope for all values: 1·56·56·64 = 200,704 weighted lines"),
    case("prelu", (64, 56, 56), num_parameters=64, output=(64, 56, 56), parameters=64, connections=200_704,
         units=200_704, why="64 slopes, one a channel (He et al. 2015): as many lines, 56·56·64 = 200,704"),
    case("softmax", (1_000,), output=(1_000,), label="softmax", why="AlexNet's 1,000 classes add up to 1; no weights"),
    case("softmax", (10, 7, 7), output=(10, 7, 7), why="along the channels, at every position by itself"),
    case("softmax", (10, 7, 7), dim=-1, output=(10, 7, 7), windows=None,
         why="along an axis of the grid: every position sees its whole row"),
    *(case(name, (197, 3_072), output=(197, 1_536), windows=None, label=label,
           why="the 3,072 features of each of 197 positions: 3,072/2 = 1,536 times a function of the others")
      for name, label in _GATED),
    *(case(name, (64, 28, 28), dim=0, output=(32, 28, 28),
           why="64/2 = 32 maps times a function of the others, at every position by itself")
      for name, _ in _GATED),
    case("maxout", (240,), pieces=5, output=(48,), label="maxout of 5",
         why="Goodfellow's network on MNIST: 240/5 = 48 maxima"),
    case("maxout", (6, 12, 5), pieces=3, dim=1, output=(6, 4, 5), windows=None, why="12/3 = 4 rows"),
    case("softmin", (10, 7, 7), output=(10, 7, 7), label="softmin", why="the smallest of 10 channels gets the most"),
    case("softmin", (10, 7), dim=1, output=(10, 7), windows=None,
         why="along the positions: every position sees the whole row"),
    case("softmax2d", (21, 64, 64), output=(21, 64, 64), label="softmax",
         why="the 21 classes of a position add up to 1, at each of 64·64 = 4,096 positions by itself"),
    case("log_softmax", (10,), dim=-1, output=(10,), label="log softmax", why="the last axis is the first of a vector"),
]  # fmt: skip

WRONG = [
    *(wrong(name, (10,), (10,), message="takes 1 input, not 2; join them first with a `concat` or an `add` layer")
      for name in (*_PLAIN, "prelu", "softmax", "log_softmax", "softmin", "softmax2d")
      if name != "threshold"),
    wrong("hardtanh", min_val=0.5, max_val=0.1, blamed="min_val",
          message="`min_val: 0.5` is not below `max_val: 0.1`; outputs lie from the least to the largest"),
    wrong("threshold", (10,), (10,), threshold=0, value=0,
          message="takes 1 input, not 2; join them first with a `concat` or an `add` layer"),
    wrong("threshold", value=0, message="`threshold` is missing; `threshold` is a number"),
    *(wrong(name, (7, 11), blamed="dim", at=0,
            message="2 does not divide the 11 values of axis 1; make the layer before it as much wider, "
            "or name another axis")
      for name, _ in _GATED),
    wrong("maxout", (10,), pieces=4, blamed="pieces", at=0,
          message="4 does not divide the 10 values of axis 0; make the layer before it as much wider, or name another "
          "axis"),
    wrong("maxout", (10,), pieces=2, dim=1, blamed="dim", at=0,
          message="`dim: 1` is no axis of 10; axes count from 0, without the batch"),
    wrong("softmax2d", (10,), at=0, message="takes (channels, height, width), got 10; use `softmax` with a `dim`"),
    wrong("softshrink", lambd=-1, blamed="lambd", message="`lambd`: expected a number, 0 or more, got -1"),
    wrong("rrelu", lower=0.5, blamed="lower",
          message="`lower: 0.5` is above `upper: 0.333333`; the slope is drawn between the two"),
    wrong("softmin", (10,), dim=1, blamed="dim", at=0,
          message="`dim: 1` is no axis of 10; axes count from 0, without the batch"),
    wrong("prelu", (64, 8, 8), num_parameters=32, blamed="num_parameters", at=0,
          message="`num_parameters: 32` is neither 1 nor the 64 input channels; use 1 or 64"),
    wrong("softmax", (10,), dim=1, blamed="dim", at=0,
          message="`dim: 1` is no axis of 10; axes count from 0, without the batch"),
    wrong("log_softmax", (10, 4), dim=-3, blamed="dim", at=0,
          message="`dim: -3` is no axis of 10×4; axes count from 0, without the batch"),
    wrong("gelu", approximate="tan", blamed="approximate",
          message="`approximate`: expected one of none, tanh, got 'tan'; did you mean `tanh`?"),
    wrong("elu", alpha=0, blamed="alpha", message="`alpha`: expected a number above 0, got 0"),
    wrong("relu", slope=0.1, blamed="slope", message="unknown option `slope`; this type has none"),
]  # fmt: skip
