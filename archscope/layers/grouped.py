"""Attention with a dense layer each for queries, keys, values and output, its heads in groups that share their keys."""

from __future__ import annotations

from archscope.layers.attending import Product, attended
from archscope.layers.steps import Made, Step, copied_linear
from archscope.record import Record


class Grouped(Record):
    """Attention with four dense layers: see `archscope.building.sequences.GroupedAttention`."""

    inputs: int
    lengths: tuple[int, int]
    features: int
    heads: int
    groups: int
    width: int
    biases: tuple[str, ...]
    mask_shape: tuple[int, ...] | None
    causal: bool


def grouped(asked: Grouped) -> tuple[Step, ...]:
    """The steps of attention with a dense layer each for queries, keys, values and output."""
    length, seen = asked.lengths
    last = min(asked.inputs, 3) - 1
    names = ("input", "input 2", "input 3")
    steps: list[Step] = []
    for role, place, many, heads in (("query", 0, length, asked.heads), ("key", min(1, last), seen, asked.groups),
                                     ("value", last, seen, asked.groups)):  # fmt: skip
        weight, bias = f"{role[0]}_proj.weight", f"{role[0]}_proj.bias" if role in asked.biases else ""
        steps += [
            copied_linear(names[place], weight, bias, Made(f"{role} projected", (many, heads * asked.width))),
            Step("unflatten", (f"{role} projected",), (Made(f"{role} apart", (many, heads, asked.width)),), views=True),
            Step("transpose", (f"{role} apart",), (Made(role, (heads, many, asked.width)),), views=True,
                 turns=(0, 2, 1, 3)),
        ]  # fmt: skip
    mask = "" if asked.mask_shape is None else "input 4"
    steps += attended(Product(("query", "key", "value"), "seen", (asked.heads,), (asked.groups,), asked.lengths,
                              (asked.width, asked.width), mask, asked.mask_shape or (), asked.causal))  # fmt: skip
    wide = asked.heads * asked.width
    steps += [
        Step("transpose", ("seen",), (Made("seen turned", (length, asked.heads, asked.width)),), views=True,
             turns=(0, 2, 1, 3)),
        Step("flatten", ("seen turned",), (Made("rows", (length, wide)),), views=True),
        copied_linear("rows", "out_proj.weight", "out_proj.bias" if "output" in asked.biases else "",
                      Made("output", (length, asked.features)))
        .replace(reads_too=("query", "key", "value")),
    ]  # fmt: skip
    return tuple(steps)
