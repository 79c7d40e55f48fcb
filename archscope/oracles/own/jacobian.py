"""The Jacobian probe through the module's own layers, each with weights of the probe's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from torch import nn

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.jacobian import NAME, PRODUCTS, lines_of, otherwise_built
from archscope.oracles.own.parts import rows_by_path, runs_once
from archscope.tracing.standin import stand_in

_PROBED: Final = frozenset({"conv1d", "conv2d", "conv3d", "linear"})
_PADDED: Final = "an exported operation is no module, whose padding could be left out"


def _unhook(module: nn.Module) -> None:
    """Leave out what others have hung onto a layer: what that does are rows of its own, if it does anything.

    What PyTorch has hung there makes the layer's weights, and stays.
    """
    module._forward_hooks.clear()
    for number, hook in [*module._forward_pre_hooks.items()]:
        if not type(hook).__module__.startswith("torch.nn.utils."):
            del module._forward_pre_hooks[number]


def observe(case: Case) -> Iterator[Finding]:
    """Probe every layer of the module that holds weights and ran once."""
    with stand_in(case.called, values=False) as standin:
        parts = dict(standin.module.named_modules())
        paths = {row.name: path for path, row in rows_by_path(case, standin.module).items()}
        for row in case.analysis.rows:
            case.pace.at(row.name)
            if not row.facts[0].weights:
                continue
            module = parts.get(paths.get(row.name, ""))
            if module is None or not paths.get(row.name) or row.type == "function" or case.batch != 1:
                why = "no module of its own makes it, once and of one sample"
                yield not_covered(NAME, row.name, "connections", why)
                continue
            if case.pace.late:
                yield not_covered(NAME, row.name, "connections", case.pace.why)
                continue
            facts = row.facts[0]
            shapes = tuple(tuple(int(extent) for extent in shape) for shape in facts.inputs)
            exported = runs_once(module)
            if exported and row.type not in _PROBED:
                yield not_covered(NAME, row.name, "connections", "an exported operation of its kind is not probed")
                continue
            _unhook(module)
            reason = None if exported else otherwise_built(row.node.layer, shapes)
            probed = (reason, reason) if reason else lines_of(module, shapes, math.prod(map(int, facts.output)))
            if exported:
                probed = (probed[0], probed[0] if row.type == "linear" else _PADDED)
            for suffix, found in zip(("_in_bounds", ""), probed, strict=True):
                if isinstance(found, str):
                    yield not_covered(NAME, row.name, f"connections{suffix}", found)
                    continue
                said = {f"connections{suffix}": found.total}
                if isinstance(module, PRODUCTS):
                    said[f"macs{suffix}"] = found.weighted
                for quantity, theirs in said.items():
                    yield compared(NAME, row.name, quantity, getattr(facts, quantity), theirs, why=found.how)
