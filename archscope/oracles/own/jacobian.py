"""The Jacobian probe through the module's own layers, each with weights of the probe's."""

from __future__ import annotations

import math
from collections.abc import Iterator

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.jacobian import NAME, PRODUCTS, lines_of
from archscope.oracles.own.parts import rows_by_path
from archscope.tracing.standin import stand_in


def observe(case: Case) -> Iterator[Finding]:
    """Probe every layer of the module that holds weights and ran once."""
    with stand_in(case.called, values=False) as standin:
        parts = dict(standin.module.named_modules())
        rows = rows_by_path(case, standin.module)
        for row in case.analysis.rows:
            case.pace.at(row.name)
            if not row.facts[0].weights:
                continue
            module = parts.get(row.name)
            if module is None or row.name not in rows or row.type == "function" or case.batch != 1:
                why = "no module of its own makes it, once and of one sample"
                yield not_covered(NAME, row.name, "connections", why)
                continue
            if case.pace.late:
                yield not_covered(NAME, row.name, "connections", case.pace.why)
                continue
            facts = row.facts[0]
            shapes = tuple(tuple(int(extent) for extent in shape) for shape in facts.inputs)
            probed = lines_of(module, shapes, math.prod(map(int, facts.output)))
            for suffix, found in zip(("_in_bounds", ""), probed, strict=True):
                if isinstance(found, str):
                    yield not_covered(NAME, row.name, f"connections{suffix}", found)
                    continue
                said = {f"connections{suffix}": found.total}
                if isinstance(module, PRODUCTS):
                    said[f"macs{suffix}"] = found.weighted
                for quantity, theirs in said.items():
                    yield compared(NAME, row.name, quantity, getattr(facts, quantity), theirs, why=found.how)
