"""What was seen of a module that ran changes what its layers run: in place, rows of a table, several nodes at once."""

from __future__ import annotations

from archscope.layers.base import Facts
from archscope.layers.steps import Made, Step, looked_up, output_name, put_in_place, repeated
from archscope.network import Node, Observed, Ref


def as_seen(
    steps: tuple[Step, ...], node: Node, facts: Facts, observed: Observed
) -> tuple[tuple[Step, ...] | None, str] | None:
    """The steps of a node as its code runs them, or None and why no rule knows them; nothing where it is as usual."""
    if node.name in observed.repeated:
        return repeated("weight", facts.output), ""
    if node.name in observed.constants.rows:
        return looked_up(facts.output), ""
    if node.name in observed.in_place:
        why = f"no rule says what a {node.layer.type} keeps that works in place"
        return put_in_place(steps, node.layer.kept_in_place), why
    many = len(observed.together.get(node.name, ()))
    if many > 1:
        (step,) = steps
        return (
            step.replace(op="unbind", makes=tuple(Made(output_name(place), facts.output) for place in range(many))),
        ), ""
    return None


def made_by(node: Node, facts: Facts, observed: Observed | None) -> list[Ref]:
    """What the steps of a node make, in their order: its outputs, or those of all nodes that are made at once."""
    together = () if observed is None else observed.together.get(node.name, ())
    return [Ref(each) for each in together] or [Ref(node.name, place) for place in range(len(facts.outputs))]
