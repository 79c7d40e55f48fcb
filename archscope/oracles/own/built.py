"""The module itself: what it holds by PyTorch's own count, and the shapes that leave its innermost modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archscope.building.builders import COUNTERS
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, first_line, not_covered
from archscope.oracles.own.parts import rows_by_path
from archscope.tracing.standin import stand_in
from archscope.tracing.strangers import tensors_in

NAME = "module"


def observe(case: Case) -> Iterator[Finding]:
    """Run the module and look at what it holds."""
    import torch

    made: dict[str, list[tuple[int, ...]]] = {}
    with stand_in(case.called, values=case.values) as standin:
        module = standin.module
        rows = rows_by_path(case, module)
        parts = dict(module.named_modules())
        for path in rows:
            parts[path].register_forward_hook(lambda _, __, output, path=path: made.__setitem__(path, _forms(output)))
        try:
            with torch.no_grad():
                standin.run()
        except Exception as error:  # noqa: BLE001 - on meta it ran; with values a stranger's module may not
            yield not_covered(NAME, None, "everything", f"it does not run with values: {first_line(error)}")
            return
        held = {path: list(parts[path].named_parameters()) for path in rows}
        trained = {id(each): each.numel() for each in module.parameters() if each.requires_grad}
        frozen = {id(each): each.numel() for each in module.parameters() if not each.requires_grad}
        buffers = {id(each): each.numel() for name, each in module.named_buffers()
                   if name.rpartition(".")[2] not in COUNTERS}  # fmt: skip
    known: set[int] = set()
    for path, row in rows.items():
        case.pace.at(row.name)
        own = tuple(map(int, row.facts[0].outputs[0]))
        forms = [_sample(own, each, case.batch) for each in made.get(path, ())]
        if any(forms) and row.input_shapes and not row.facts[0].reasons.get("output"):
            yield compared(NAME, row.name, "output", own, own if own in forms else forms[0], node=path)
        if held[path] and not row.shared:
            new = [each for _, each in held[path] if id(each) not in known]  # a tied weight is its first layer's
            known.update(id(each) for each in new)
            values = sum(each.numel() for each in new if each.requires_grad)
            yield compared(NAME, row.name, "parameters", row.parameters, values, node=path)
    yield compared(NAME, None, "parameters", case.analysis.totals.parameters, sum(trained.values()))
    fixed, theirs_fixed = int(case.analysis.totals.fixed), sum(frozen.values()) + sum(buffers.values())
    if fixed == theirs_fixed or fixed > theirs_fixed:
        yield compared(NAME, None, "fixed", fixed, theirs_fixed)
    yield not_covered(NAME, None, "connections", "a module holds weights; it does not count lines or products")


def _forms(output: Any) -> list[tuple[int, ...]]:
    """The shape of the first tensor that a module gives; of packed sequences that of the padded ones, and its own."""
    from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

    first = output[0] if type(output) is tuple and output else output
    padded = [pad_packed_sequence(first)[0]] if isinstance(first, PackedSequence) else []
    return [tuple(each.shape) for each in [*padded, *tensors_in(output)[:1]]]


def _sample(ours: tuple[int, ...], theirs: tuple[int, ...], batch: int) -> tuple[int, ...]:
    """A tensor's shape without its batch axis, if one was there: behind time, where the rest is ours then.

    >>> _sample((5, 6), (5, 1, 6), 1), _sample((5, 6), (2, 5, 6), 2), _sample((5, 6), (4, 1, 6), 1)
    ((5, 6), (5, 6), (1, 6))
    """
    if len(theirs) != len(ours) + 1:
        return theirs
    behind = (*theirs[:1], *theirs[2:])
    return behind if theirs[1] == batch and behind == ours else theirs[1:]
