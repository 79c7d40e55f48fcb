"""What a network holds in memory, phase by phase, and which batch fits: no PyTorch needed.

>>> from archscope.reader import load
>>> held = memory(load("lenet5-pytorch"), batch=64, optimizer="adam")
>>> held.peak.name, held.peak.most.total
('backward', 4864096)
>>> dict(held["forward"].after.held)["saved"] + dict(held["forward"].after.held)["weights"]
3385384
"""

from __future__ import annotations

from archscope.memory.after import Held, after_forward
from archscope.memory.caches import Cache, cache_of
from archscope.memory.fitting import largest_batch, largest_batches
from archscope.memory.optimizers import OPTIMIZERS, optimizer
from archscope.memory.passes import Phase, Request, type_of
from archscope.memory.phases import Differing, Memory, Tracked, activations, differing, memory, per_layer, saved

__all__ = [
    "OPTIMIZERS",
    "Cache",
    "Differing",
    "Held",
    "Memory",
    "Phase",
    "Request",
    "Tracked",
    "activations",
    "after_forward",
    "cache_of",
    "differing",
    "largest_batch",
    "largest_batches",
    "memory",
    "optimizer",
    "per_layer",
    "saved",
    "type_of",
]
