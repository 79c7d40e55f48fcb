"""Datasheet figures of a few devices, each with its source, for floors on a machine that is not at hand.

They stand beside measured ceilings, never instead of them: a device that is at hand is measured.
All are dense figures; NVIDIA's larger ones, "with sparsity", assume that half the weights are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archscope.bench.ceilings import Ceilings
from archscope.errors import NotFound, did_you_mean


@dataclass(frozen=True, slots=True)
class Hardware:
    """One device as its maker describes it.

    Attributes:
        name: as written on the command line.
        title: as sold.
        peak_flops: dense FLOP/s by precision.
        bandwidth: bytes a second.
        source: where the figures stand.
    """

    name: str
    title: str
    peak_flops: Mapping[str, float]
    bandwidth: float
    source: str

    @property
    def ceilings(self) -> Ceilings:
        """The figures as ceilings."""
        return Ceilings(self.title, self.source, self.peak_flops, {"copy": self.bandwidth})


HARDWARE: Final[Mapping[str, Hardware]] = {
    each.name: each
    for each in (
        Hardware(
            "h200",
            "NVIDIA H200 SXM",
            {"fp32": 67e12, "tf32": 494.5e12, "bf16": 989.5e12, "fp16": 989.5e12},
            4.8e12,
            "NVIDIA H200 Tensor Core GPU datasheet: FP32 67, TF32 989, BF16/FP16 1,979 TFLOP/s with "
            "sparsity, so half of these dense; 4.8 TB/s",
        ),
        Hardware(
            "a100",
            "NVIDIA A100 80GB SXM",
            {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12, "fp16": 312e12},
            2.039e12,
            "NVIDIA A100 Tensor Core GPU datasheet: FP32 19.5, TF32 156, BF16/FP16 312 TFLOP/s dense; 2,039 GB/s",
        ),
        Hardware(
            "rtx4090",
            "NVIDIA GeForce RTX 4090",
            {"fp32": 82.6e12, "tf32": 82.6e12, "bf16": 165.2e12, "fp16": 165.2e12},
            1.008e12,
            "NVIDIA Ada GPU architecture whitepaper: FP32 82.6, TF32 82.6, BF16/FP16 with FP32 "
            "accumulation 165.2 TFLOP/s dense; 1,008 GB/s",
        ),
    )
}
"""The named devices of ``--hardware``."""


def find_hardware(name: str) -> Hardware:
    """A named device, however it is spelled.

    Raises:
        NotFound: there are no figures for it.

    >>> find_hardware("RTX 4090").bandwidth
    1008000000000.0
    """
    key = "".join(letter for letter in name.casefold() if letter.isalnum())
    if key not in HARDWARE:
        raise NotFound(f"no figures for hardware `{name}`; {did_you_mean(key, HARDWARE, what='hardware')}")
    return HARDWARE[key]
