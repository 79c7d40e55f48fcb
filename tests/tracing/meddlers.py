"""Modules whose forward pass leaves traces wherever a module can: nobody may find one after the module was read."""

from __future__ import annotations

import argparse
import array
import contextvars
import copy
import functools
import io
import itertools
import os
import queue
import random
import tempfile
import threading
import types
import weakref
from collections import ChainMap, UserList, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.tracing import everybodys
from tests.tracing.dressed import half_scripted, hooked, normed, normed_as_of_old, parametrized, recurrent, scripted

SEEN: dict[str, Any] = {"calls": 0, "last": [1, 2]}
COUNT = 0
TOTAL = torch.zeros(())
TABLE = torch.ones(3)
ARRAY, BYTES, WORDS = np.zeros(3), bytearray(b"abc"), array.array("d", [1.0])
DRAWS = random.Random(1), np.random.default_rng(2), np.random.RandomState(3), torch.Generator().manual_seed(4)
STEP = contextvars.ContextVar("step", default=0)


@functools.lru_cache
def grid(count: int) -> Tensor:
    return torch.arange(count).float()


class CachedMask(nn.Module):
    """Keeps a mask where the first input was."""

    def __init__(self) -> None:
        super().__init__()
        self.l, self.mask = nn.Linear(4, 4), None

    def forward(self, x: Tensor) -> Tensor:
        if self.mask is None:
            self.mask = torch.tril(torch.ones(4, 4, device=x.device))  # type: ignore[assignment]
        return self.l(x) @ self.mask


class Counters(nn.Module):
    """Counts on itself, on its class, in its Python module, in a list, and in a buffer."""

    calls = 0
    kept: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.l, self.own, self.log = nn.Linear(4, 4), 0, deque([1], maxlen=5)
        self.by_name: defaultdict[str, list[int]] = defaultdict(list)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        global COUNT
        COUNT += 1
        SEEN["calls"] += 1
        SEEN["last"].append(x.shape)
        SEEN["new"] = x
        type(self).calls += 1
        self.kept.append(1)
        self.own += 1
        self.log.append(2)
        self.by_name["calls"].append(3)
        self.steps += 1
        self.fresh = x
        self.train()
        return self.l(x)


class Global(nn.Module):
    """Writes tensors that no module holds, and asks a cache that is everybody's."""

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if x.sum().item() == 0:
            TOTAL.add_(1)
            TABLE[0] = 5
        return self.l(x) + grid(4)


@dataclass
class Memory:
    rows: list[Tensor] = field(default_factory=list)
    part: nn.Module | None = None


class Slotted:
    __slots__ = ("last", "many")

    def __init__(self) -> None:
        self.last: Tensor | None = None
        self.many = 0


class Hanging(nn.Module):
    """Parts that are not registered: in a list, a dataclass, a slot, a closure, a bound method, a partial."""

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)
        self.loose = [nn.Linear(4, 4)]
        self.memory = Memory(part=nn.Linear(4, 4))
        self.slotted = Slotted()
        self.step = self._step
        self.bound = functools.partial(self._step, 2)
        hidden = nn.Linear(4, 4)
        self.closed: Any = lambda x: hidden(x)
        self.closed.asked = []
        self.back = weakref.ref(self.l)
        self.table = {self.l: [0]}

    def _step(self, times: int, x: Tensor) -> Tensor:
        self.slotted.many += times
        self.slotted.last = x
        return self.l(x)

    def forward(self, x: Tensor) -> Tensor:
        part = self.memory.part
        assert part is not None
        self.memory.rows.append(x)
        self.loose[0].weight.data.mul_(2)
        self.loose.append(self.l)
        self.table[self.l].append(1)
        assert self.back() is self.l
        self.closed.asked.append(x)
        y = self.loose[0](self.step(1, x)) + part(self.bound(x))
        return y + self.closed(x)


class Randoms(nn.Module):
    """Draws from everybody's random numbers and from its own, and changes how numbers are made."""

    def __init__(self) -> None:
        super().__init__()
        self.l, self.own, self.theirs = nn.Linear(4, 4), random.Random(3), np.random.default_rng(3)
        self.generator = torch.Generator().manual_seed(3)

    def forward(self, x: Tensor) -> Tensor:
        scale = random.random() + self.own.random() + float(self.theirs.random()) + float(np.random.rand())
        noise = torch.rand(4, generator=self.generator) + torch.rand(4)
        made = self.l(x) * scale + noise.to(x.device, x.dtype)
        torch.set_default_dtype(torch.float64)
        return made


class InPlace(nn.Module):
    """Writes its own weights and statistics, and registers a hook on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.l, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.plain = torch.zeros(4)

    def forward(self, x: Tensor) -> Tensor:
        self.l.weight.mul_(0.5)
        self.l.bias.data = self.l.bias.data + 1
        self.plain.add_(1)
        self.l.register_forward_hook(lambda *_: None)
        self.norm.num_batches_tracked += 1
        self.extra = nn.Linear(4, 4)
        x = F.batch_norm(torch.cat([x, x]), self.norm.running_mean, self.norm.running_var, training=True)
        return self.l(x)


class Looks(InPlace):
    """The same, and looks at values, so that it runs with some."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.max().item() < 1 else x


class Copies(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return copy.deepcopy(self.l)(x)


class Wrapper(nn.Module):
    """Hands on what it does not have itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Counters()

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, x: Tensor) -> Tensor:
        self.inner.log.append(int(self.own))
        return self.l(self.inner(x))


def parallel() -> nn.Module:
    """A wrapper that is opened, around a module that meddles."""
    return nn.DataParallel(Counters())


class InSlots(nn.Module):
    """Keeps a tensor, a count and a part in slots, where no dict shows them."""

    __slots__ = ("count", "last", "part")

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)
        object.__setattr__(self, "count", [0])
        object.__setattr__(self, "last", torch.zeros(4))
        object.__setattr__(self, "part", Slotted())

    def forward(self, x: Tensor) -> Tensor:
        self.count[0] += 1
        self.last.add_(1)
        self.part.many += 1
        self.part.last = x
        return self.l(x) + self.last


class Namespaces(nn.Module):
    """Keeps tensors, a count and a part in the objects of Python's own library that are made for that."""

    def __init__(self) -> None:
        super().__init__()
        self.l, self.there = nn.Linear(4, 4), threading.local()
        self.there.many = 0
        self.plain = types.SimpleNamespace(last=torch.zeros(4), part=nn.Linear(4, 4))
        self.args = argparse.Namespace(many=0, last=torch.zeros(4))
        self.log, self.numbers = io.StringIO(), array.array("i", [0])
        self.all = UserList([torch.zeros(4)])

    def forward(self, x: Tensor) -> Tensor:
        self.there.many += 1
        self.args.many += 1
        self.args.last.add_(1)
        self.plain.last = x
        self.log.write("ran")
        self.numbers.append(1)
        self.all.append(x)
        return self.l(self.plain.part(x)) + self.all[0].add_(1)


class Log:
    """What is written down, and looked at from where nothing holds it."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def write(self, line: Any) -> None:
        self.lines.append(line)


class MovesOn(nn.Module):
    """Draws from iterators, a file and a queue, and writes through weak references."""

    def __init__(self) -> None:
        super().__init__()
        self.l, self.log, self.file = nn.Linear(4, 4), Log(), tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        weakref.finalize(self, self.file.close)
        self.file.write("one\ntwo\n")
        self.file.seek(0)
        self.steps, self.turns = iter([1, 2, 3]), enumerate(iter("ab"))
        self.ring: Any = itertools.cycle([1, 2])
        self.proxy, self.method = weakref.proxy(self.log), weakref.WeakMethod(self.log.write)
        self.names, self.given = ChainMap[str, Any]({}, {"one": 1}), threading.Event()
        self.jobs, self.simple = queue.Queue[int](), queue.SimpleQueue[int]()
        self.jobs.put(1)
        self.simple.put(2)

    def forward(self, x: Tensor) -> Tensor:
        self.names["more"] = next(self.steps, 0) + next(self.turns, (0, ""))[0] + next(self.ring)
        self.jobs.put(self.jobs.get_nowait() + 1)
        self.simple.put(self.simple.get_nowait())
        self.simple.put(3)
        self.proxy.write(self.file.readline())
        self.method()(x)  # type: ignore[misc]
        self.file.write("three")
        self.given.set()
        return self.l(x)  # type: ignore[no-any-return]


class ForAll(nn.Module):
    """Sets what everybody in the process shares, and writes what was made for inference alone."""

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)
        with torch.inference_mode():
            self.seen = torch.ones(4)

    def forward(self, x: Tensor) -> Tensor:
        os.environ["ARCHSCOPE_TESTS"] = "forward"
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.set_float32_matmul_precision("high")
        for put, value, _ in everybodys.FOR_ALL:
            put(value)
        STEP.set(STEP.get() + 1)
        with torch.inference_mode():
            self.seen.add_(1)
        return self.l(x)  # type: ignore[no-any-return]


class Arrays(nn.Module):
    """Writes arrays that everybody sees, draws with what everybody draws with, and writes what hangs on tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.l, self.t = nn.Linear(4, 4), torch.zeros(4)
        self.l.weight.tag = {"seen": torch.zeros(4)}  # type: ignore[assignment]
        self.t.note = [self.t]  # type: ignore[attr-defined]

    def forward(self, x: Tensor) -> Tensor:
        ARRAY[0] += 1
        BYTES[0] += 1
        WORDS.append(2.0)
        drawn = DRAWS[0].random() + float(DRAWS[1].random()) + float(DRAWS[2].rand())
        tag: Any = self.l.weight.tag
        note: Any = self.t.note  # type: ignore[attr-defined]
        tag["seen"].add_(1)
        note.append(x)
        note[0].add_(1)
        torch.backends.cudnn.benchmark = True
        return self.l(x) + (drawn + torch.rand(4, generator=DRAWS[3])) * 0  # type: ignore[no-any-return]


KEEPS_NOTHING: dict[str, tuple[Any, tuple[int, ...]]] = {
    "cached mask": (CachedMask, (4,)),
    "counters": (Counters, (4,)),
    "global": (Global, (4,)),
    "hooked": (hooked, (4,)),
    "hanging": (Hanging, (4,)),
    "randoms": (Randoms, (4,)),
    "in place": (InPlace, (4,)),
    "looks": (Looks, (4,)),
    "copies": (Copies, (4,)),
    "wrapper": (Wrapper, (4,)),
    "normed": (normed, (4,)),
    "normed as of old": (normed_as_of_old, (4,)),
    "parametrized": (parametrized, (4,)),
    "parallel": (parallel, (4,)),
    "in slots": (InSlots, (4,)),
    "namespaces": (Namespaces, (4,)),
    "half scripted": (half_scripted, (4,)),
    "recurrent": (recurrent, (3, 4)),
    "scripted": (scripted, (4,)),
    "moves on": (MovesOn, (4,)),
    "for all": (ForAll, (4,)),
    "arrays": (Arrays, (4,)),
}
"""Modules by name, with the shape of their input."""
