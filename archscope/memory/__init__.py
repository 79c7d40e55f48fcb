"""What a network holds in memory, phase by phase, and which batch fits: no PyTorch needed.

>>> from archscope.reader import load
>>> held = memory(load("lenet5-pytorch"), batch=64, optimizer="adam")
>>> held.peak.name, held.peak.most.total
('backward', 4866648)
>>> dict(held["forward"].after.held)["saved"] + dict(held["forward"].after.held)["weights"]
3385384
"""

from __future__ import annotations

from archscope.memory.caches import Cache, cache_of
from archscope.memory.optimizers import OPTIMIZERS, optimizer
from archscope.memory.phases import Memory, Phase, Request, activations, largest_batch, memory, saved

__all__ = [
    "OPTIMIZERS",
    "Cache",
    "Memory",
    "Phase",
    "Request",
    "activations",
    "cache_of",
    "largest_batch",
    "memory",
    "optimizer",
    "saved",
]
