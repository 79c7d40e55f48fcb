"""Arithmetic value by value: the shape unchanged, and nothing held."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

_WHY = "value by value: the shape stays, nothing is held, and no product of a matrix is made"

CASES = [
    case("abs", (6, 28, 28), output=(6, 28, 28), label="absolute value", why=_WHY),
    case("exp", (10,), output=(10,), label="exponential", why=_WHY),
    case("log", (10,), output=(10,), label="logarithm", why=_WHY),
    case("sqrt", (6, 28, 28), output=(6, 28, 28), label="square root", why=_WHY),
    case("power", (6, 28, 28), exponent=2, output=(6, 28, 28), label="to the power 2", why=_WHY),
    case("power", (6, 28), exponent=-0.5, output=(6, 28), label="to the power -0.5", why=_WHY),
    case("scale", (197, 64), factor=0.125, output=(197, 64), label="×1/√64",
         why="1/√64 of attention with 64 features a head; a constant is no weight"),
    case("scale", (8, 5), factor=-1, shift=1, output=(8, 5), label="×−1 +1", why="what a gate leaves: 1 − a"),
    case("scale", (8, 5), shift=-0.5, output=(8, 5), label="−0.5", why="a constant taken away"),
]  # fmt: skip

WRONG = [
    *(wrong(type_, (4,), (4,), message="takes 1 input, not 2; join them first with a `concat` or an `add` layer")
      for type_ in ("abs", "exp", "log", "sqrt")),
    wrong("power", exponent="two", blamed="exponent", message="`exponent`: expected a number, got 'two'"),
    wrong("scale", blamed="factor", message="neither scales nor shifts; state `factor`, `shift` or both"),
]  # fmt: skip
