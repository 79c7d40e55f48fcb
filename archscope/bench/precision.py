"""The number formats a benchmark can run in, and how many bytes they move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Precision:
    """One value of the ``--dtype`` axis.

    Attributes:
        name: as written on the command line.
        peak: the ceiling it is held against, a key of `archscope.bench.ceilings.Ceilings.peak_flops`.
        weight_bytes: bytes of one stored weight.
        value_bytes: bytes of one activation.
        torch: PyTorch's name of the type that weights and inputs have.
        autocast: PyTorch's name of the type that autocast computes in, if it does.
        unit: the largest relative error of one rounding to the format that it computes in.
        tolerance: how far the output may be from a float64 reference, as a relative L2 distance; farther only where
            roundings of the weights alone move it as far (`archscope.bench.agreement`).
    """

    name: str
    peak: str
    weight_bytes: int
    value_bytes: int
    torch: str
    autocast: str | None
    unit: float
    tolerance: float


PRECISIONS: Final[Mapping[str, Precision]] = {
    each.name: each
    for each in (
        Precision("fp32", "fp32", 4, 4, "float32", None, 2**-24, 1e-5),
        Precision("tf32", "tf32", 4, 4, "float32", None, 2**-11, 2e-3),
        Precision("bf16", "bf16", 2, 2, "bfloat16", None, 2**-8, 2e-2),
        Precision("fp16", "fp16", 2, 2, "float16", None, 2**-11, 5e-3),
        Precision("amp-bf16", "bf16", 4, 2, "float32", "bfloat16", 2**-8, 2e-2),
        Precision("amp-fp16", "fp16", 4, 2, "float32", "float16", 2**-11, 5e-3),
    )
}
"""Every precision by name. ``fp32`` is IEEE single precision everywhere; PyTorch's own default on a GPU
(convolutions in TF32, matrix products in IEEE) is a different thing, by a factor of six, and has no name here."""
