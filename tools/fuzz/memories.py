"""The law of memory: every number of a module is what PyTorch's tracker says, or says itself that it is at least."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from archscope.errors import ArchscopeError
from archscope.memory import memory
from archscope.oracles import tracking
from archscope.oracles.own.memory import called
from archscope.tracing.calling import call_thing
from archscope.tracing.inputs import Given
from tools.fuzz.authors import Written
from tools.fuzz.modules import written

_WAYS: Final = ((None, False), (None, False), ("sgd", False), ("sgd", False), ("momentum", True), ("adam", False),
                ("adam", True))  # fmt: skip


class Asked(NamedTuple):
    """How a module runs."""

    optimizer: str | None
    foreach: bool
    batch: int


class Told(NamedTuple):
    """What is wrong with the numbers of a module, empty if nothing is; and why they are at least, if they are."""

    wrong: str
    at_least: str


def one(random: Random) -> str | None:
    """Hold one module to the law."""
    module, asked = drawn(random)
    told = held(module, asked)
    return f"{asked}: {told.wrong}\n{module.source}\n" if told.wrong else None


def drawn(random: Random) -> tuple[Written, Asked]:
    """A module, and how it runs."""
    module = written(random)
    optimizer, foreach = random.choice(_WAYS)
    return module, Asked(optimizer, foreach, random.randint(1, 3))


def held(module: Written, asked: Asked) -> Told:
    """Hold a module to the law in one way."""
    shapes = [Given(shape, dtype or None, True) for _, shape, dtype in module.inputs]
    try:
        theirs = call_thing(module.made(), shapes, {})
        ours = memory(theirs.network, asked.batch, optimizer=asked.optimizer, foreach=asked.foreach, as_tracked=True)
    except ArchscopeError as error:
        return Told("", f"refused: {error}")  # nothing that it makes goes by what it is given, say
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Told(f"{type(error).__name__}: {error}", "")
    truth = tracking.tracked(lambda: called(theirs, asked.batch), asked.optimizer, foreach=asked.foreach)
    why = "; ".join(f"{name}: {each}" for name, each in ours.not_covered.items())
    wrong = [f"{phase.name}: {(phase.after.total, phase.most.total)} for {truth[phase.name]}" for phase in ours.phases
             if not _fits((phase.after.total, phase.most.total), truth[phase.name], at_least=bool(why))]  # fmt: skip
    return Told("; ".join(wrong), why)


def _fits(ours: tuple[int, int], truth: tuple[int, int], *, at_least: bool) -> bool:
    return ours == truth or (at_least and ours[0] <= truth[0] and ours[1] <= truth[1])


def smaller(module: Written, asked: Asked) -> Written:
    """The smallest module with something wrong that fewer lines and results make of one."""
    while True:
        found = next((each for each in _smaller(module) if each.runs() and held(each, asked).wrong), None)
        if found is None:
            return module
        module = found


def _smaller(module: Written) -> Iterator[Written]:
    """Modules with a line, a layer or a result less, or with a line that hands on what one before made."""
    for place in range(len(module.outputs) if len(module.outputs) > 1 else 0):
        yield module._replace(outputs=(*module.outputs[:place], *module.outputs[place + 1 :]))
    for place in reversed(range(len(module.lines))):
        yield module._replace(lines=(*module.lines[:place], *module.lines[place + 1 :]))
    names = [name for name, _, _ in module.inputs]
    for place, line in enumerate(module.lines):
        name, _, made = line.partition(" = ")
        for other in names if "," not in name and not made.isidentifier() else []:
            if other != name:
                yield module._replace(lines=(*module.lines[:place], f"{name} = {other}", *module.lines[place + 1 :]))
        names.append(name.partition(",")[0])
    for place in range(len(module.inits)):
        yield module._replace(inits=(*module.inits[:place], *module.inits[place + 1 :]))
