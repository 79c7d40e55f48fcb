"""How fast a network runs, a layer at a time, against what the device could do.

Importing this needs no PyTorch. The floors need none either:

>>> import archscope
>>> from archscope.bench import Ceilings, PRECISIONS, floors
>>> device = Ceilings("a device", "by hand", {"bf16": 790e12}, {"copy": 4.3e12})
>>> alexnet = archscope.analyze(archscope.load("alexnet"))
>>> found = floors(alexnet, device, PRECISIONS["bf16"], batch=256)
>>> f"{found.f1 * 1e6:.1f} µs, {found.f2 * 1e6:.1f} µs"
'469.5 µs, 659.6 µs'

Measuring is `Run`: give it a `Job`, call `measure`, read its `document`.
"""

from archscope.bench.ceilings import Ceilings, read_ceilings
from archscope.bench.compare import compare, read_result
from archscope.bench.floors import floors
from archscope.bench.hardware import HARDWARE, find_hardware
from archscope.bench.plan import Cell, plan
from archscope.bench.precision import PRECISIONS
from archscope.bench.run import Job, Run
from archscope.bench.timing import Limits

__all__ = [
    "HARDWARE",
    "PRECISIONS",
    "Ceilings",
    "Cell",
    "Job",
    "Limits",
    "Run",
    "compare",
    "find_hardware",
    "floors",
    "plan",
    "read_ceilings",
    "read_result",
]
