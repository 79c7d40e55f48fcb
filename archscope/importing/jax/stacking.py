"""Values side by side along a new axis, the positions of an axis one by one, and what a scan stacks."""

from __future__ import annotations

from archscope.importing.jax.flat import Step
from archscope.importing.jax.lowering import JAX, Lowering, form_of
from archscope.layers import TYPES


def stack(step: Step, low: Lowering) -> None:
    """A new axis, along which values lie side by side."""
    axis, made = int(step.params["axis"]), [form_of(step.makes[0], low, maps=False)]
    reads = [low.plain(each) for each in step.reads]
    if axis == 0:
        low.add(step.name, reads, made, domain=JAX, path=step.path)
        return
    low.add("Stack", reads, made, domain=JAX, path=step.path, layer=TYPES["stack"](dim=axis - 1))


def in_order(step: Step, low: Lowering) -> list[str]:
    """What an operation makes, its output first: of a scan what it stacks and something reads."""
    carried = int(step.params.get("num_carry", 0)) if step.name == "scan" else 0
    wanted = {*low.readers, *low.flat.outputs}
    return sorted(step.makes, key=lambda name: (name not in wanted, step.makes.index(name) < carried))


def unstack(step: Step, low: Lowering) -> None:
    """Every position of an axis."""
    for place, made in enumerate(step.makes):
        low.add("Gather", [low.plain(step.reads[0]), low.number(place)], [form_of(made, low, maps=False)],
                path=step.path, axis=int(step.params["axis"]))  # fmt: skip
