"""ONNX Runtime: the file that a network was read from runs once, and each layer's shape is what came out.

It speaks of values by the names that the file has for them, and of parameters by the shapes of its initialisers. How
operators are read, shapes inferred and layers recognised has no part in that.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from archscope.errors import MissingExtra
from archscope.escaping import line
from archscope.importing.kinds import Kind, kind_of
from archscope.layers import Shape
from archscope.observed import Value
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, compared, not_covered
from archscope.oracles.keras import path_of_modules

NAME: Final = "onnxruntime"

_PACKAGES: Final = ("onnx", "onnxruntime")
_LARGEST: Final = 400_000_000
"""Values, weights and what is made of them, that one run may hold: 1.6 GB in float32."""
_MOST_MACS: Final = 50_000_000_000
"""Products of one run: some ten seconds on one core."""
_FLOATS: Final = frozenset((1, 10, 11, 14, 15, 16, 17, 18, 19, 20))
_FEW: Final = 3


def observe(case: Case) -> Iterator[Finding]:
    """Run the file, if it is one of ONNX and is not too large for that."""
    why = _why_not(case)
    answer: dict[str, Any] = {} if why else _asked(case)
    why = why or answer.get("failed", "")
    if why:
        yield not_covered(NAME, None, "everything", why)
        return
    values = case.network.observed.values if case.network.observed is not None else {}
    batch = case.network.observed.batch if case.network.observed is not None else 1
    for node in case.network.nodes:
        facts = case.facts_of[node.name]
        known = {place: values[node.name, place] for place in range(len(facts.outputs)) if (node.name, place) in values}
        seen = [(facts.outputs[place], _sample(answer["shapes"][each.name], each, batch))
                for place, each in known.items() if each.name in answer["shapes"]]  # fmt: skip
        if seen:
            ours, theirs = zip(*seen, strict=True)
            yield compared(NAME, node.row, "output", ours, theirs, node=node.name)
        elif facts.outputs and not facts.reasons.get("output"):
            yield not_covered(NAME, node.row, "output", "the outer graph of the file has no value that is its output",
                              node=node.name)  # fmt: skip
    yield from _parameters(case, answer["held"])


def _why_not(case: Case) -> str:
    path = case.network.path
    if path is None or case.network.observed is None or kind_of(path) is not Kind.ONNX:
        return "it runs ONNX files, and this network comes from none"
    for package in _PACKAGES:
        if find_spec(package) is None:
            if case.named:
                raise MissingExtra("the witness onnxruntime", "ONNX Runtime", "onnxruntime")
            return "ONNX Runtime is not installed: pip install 'archscope[onnxruntime]'"
    made = sum(math.prod(map(int, shape)) for facts in case.facts_of.values() for shape in facts.outputs)
    held = int(case.analysis.totals.parameters) + int(case.analysis.totals.fixed) + made * case.network.observed.batch
    if held > _LARGEST:
        return f"one run would hold {held:,} values, and it is run with {_LARGEST:,} at most"
    if int(case.analysis.totals.macs or 0) > _MOST_MACS:
        return f"one run multiplies {int(case.analysis.totals.macs or 0):,} times, and it is run up to {_MOST_MACS:,}"
    return ""


def _asked(case: Case) -> dict[str, Any]:
    """What came out, or why nothing did."""
    observed = case.network.observed
    assert observed is not None  # noqa: S101 - asked for of files alone
    asked = {"path": str(case.network.path), "wanted": [each.name for each in observed.values.values()],
             "given": {each.name: each.shape for each in observed.given}}  # fmt: skip
    command = [sys.executable, "-W", "ignore", "-m", "archscope.oracles.onnx_run"]
    seconds = max(1.0, case.pace.left)
    try:
        done = subprocess.run(command, input=json.dumps(asked), env=path_of_modules(), timeout=seconds,  # noqa: S603
                              capture_output=True, text=True, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": case.pace.why}
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"failed": f"the runtime ended with {done.returncode} on {Path(str(case.network.path)).name}"}
    answer: dict[str, Any] = json.loads(lines[-1])
    if "failed" in answer:
        answer["failed"] = f"it does not run the file: {line(answer['failed'])[:300]}"
    return answer


def _sample(shape: list[int], value: Value, batch: int) -> Shape:
    """The shape of one sample."""
    if value.batch is None or not shape:
        return tuple(shape)
    if value.batch < 0:
        return (shape[0] // batch, *shape[1:])
    return (*shape[: value.batch], *shape[value.batch + 1 :])


def _parameters(case: Case, held: dict[str, list[int]]) -> Iterator[Finding]:
    """Each layer's weights by the elements of the initialisers that they are, and all together."""
    sources = case.network.observed.sources if case.network.observed is not None else {}
    told: set[str] = set()
    for node in case.network.nodes:
        weights = case.facts_of[node.name].weights
        names = [sources[node.name, each.name].name for each in weights if (node.name, each.name) in sources]
        if names and len(names) == len(weights) and told.isdisjoint(names) and all(name in held for name in names):
            theirs = sum(held[name][0] for name in names)
            told.update(names)
            yield compared(NAME, node.row, "weights", sum(int(each.values) for each in weights), theirs, node=node.name)
    totals = case.analysis.totals
    ours = int(totals.parameters) + int(totals.fixed)
    floats = {name: values for name, (values, kind) in held.items() if kind in _FLOATS or name in told}
    theirs, others = sum(floats.values()), {name: many for name, many in floats.items() if name not in told}
    if theirs > ours and theirs - ours <= sum(others.values()):
        listed = ", ".join(f"`{name}`" for name in sorted(others, key=others.__getitem__)[:_FEW])
        why = f"initialisers that are no layer's weights hold {theirs - ours:,} more: {listed}"
        yield Finding(NAME, None, "weights", Verdict.EXPLAINED, ours, theirs, why)
    else:
        yield compared(NAME, None, "weights", ours, theirs)
