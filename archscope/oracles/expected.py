"""The layers of a network as the steps that a module has to run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from archscope.analysis import Row, analyze
from archscope.layers import Layer
from archscope.layers.base import values_in
from archscope.network import Network
from archscope.oracles.alignment import COMPARED
from archscope.oracles.attending import FORMS, Form, written_out
from archscope.oracles.calls import MERGES, between
from archscope.oracles.steps import Step, flattens, merged, sides_of
from archscope.tracing.function import Function

_SHAPING: Final = ("flatten", "reshape")
_UNSEEN: Final = frozenset({
    "abs", "channel_shuffle", "chunk", "divide", "exp", "expand", "glu", "log", "max", "mean", "parameter", "permute",
    "pixel_shuffle", "pixel_unshuffle", "power", "scale", "select", "slice", "split", "sqrt", "squeeze", "subtract",
    "sum", "transpose", "unsqueeze", "maximum", "minimum", "pow", "stack", "min", "logsumexp", "var", "std", "repeat",
    "normalize",
})  # fmt: skip
"""Layer types that people write as functions, which make no step; a part that is built has a module for them."""


def expectations(network: Network, seen: Collection[str] = frozenset()) -> list[list[Step]]:
    """The steps of a network: every node, and where it stands on towers, the copies of each layer as one.

    ``seen`` are the types of the steps that a module took. What it may have written as functions that make no step is
    expected of it only where it has some, and an attention that it has not is expected in the forms that people write.
    """
    attends = any(node.layer.type == "multihead_attention" for node in network.nodes)
    forms: tuple[Form | None, ...] = FORMS if attends and "multihead_attention" not in seen else (None,)
    every = [
        merged([step for node in network.nodes for step in _steps(network, node.name, seen, form)]) for form in forms
    ]
    return [_folded(network, seen), *every] if network.towers else every


def _steps(network: Network, name: str, seen: Collection[str], form: Form | None = None) -> list[Step]:
    """A node's steps; none for one that leaves the values in their places, or for a function that is no layer."""
    layer, facts = network.by_name[name].layer, network.facts[name]
    if isinstance(layer, Function):
        if layer.like is None:
            return _function(layer, name)
        layer = layer.like
    taken, made = _plain(facts.inputs[0] if facts.inputs else ()), _plain(facts.output)
    given = None if layer.family == "merge" else taken
    if layer.type in _UNSEEN and (network.observed is not None or layer.type not in seen):
        return []
    if layer.type in ("add", "multiply") and _with_a_vector(network, name):
        return []
    if layer.type == "multihead_attention" and form is not None:
        return [*written_out(layer, facts, name, form)]
    if layer.type == "identity" or (layer.type in _SHAPING and not flattens(taken, made)):
        return []
    options = _options(layer, taken)
    step = Step(layer.type, options, made, int(facts.parameters), name, given)
    if layer.type in _SHAPING:
        return [replace(step, type="flatten")]
    if layer.type == "softmax2d":
        return [replace(step, type="softmax", options={"dim": 0})]
    if layer.type == "hardtanh":
        same = between(options["min_val"], options["max_val"], made)
        return [replace(step, type=same.type, options=same.options) if same else step]
    return [step]


def _with_a_vector(network: Network, name: str) -> bool:
    """Whether a layer joins a value with one learned number a channel: a bias or a factor by hand, and no join."""
    shapes = [network.facts[ref.node].output for ref in network.by_name[name].inputs
              if ref.node in network.by_name and network.by_name[ref.node].layer.type == "parameter"]  # fmt: skip
    return any(values_in(shape) == max(_plain(shape)) for shape in shapes)


def _function(function: Function, name: str) -> list[Step]:
    """A function that is no layer is no step, but where it joins a value with weights of the module's own."""
    joins = {**MERGES, **dict.fromkeys(("cat", "concat", "concatenate"), "concat")}
    kind = joins.get(function.called) if function.misfit else None
    return [Step(kind, {}, function.made[0], name=name)] if kind is not None else []


def _folded(network: Network, seen: Collection[str]) -> list[Step]:
    """A layer's copies on its towers as one layer in groups; the joins between towers as nothing."""
    steps = []
    for row in analyze(network).rows:
        first = [node for node in row.nodes if node.tower == row.nodes[0].tower]
        if row.type == "concat" and _joins_towers(network, row):
            continue
        for node in first:
            copies = [each for each in row.nodes if each.layer.type == node.layer.type]
            steps += [_together(step, copies, row) for step in _steps(network, node.name, seen)]
    return merged(steps)


def _together(step: Step, copies: Sequence[Any], row: Row) -> Step:
    many = len(copies)
    options = dict(step.options)
    if many > 1:
        apart = len({ref.node for each in copies for ref in each.inputs}) > 1
        for width in ("out_channels", "out_features"):
            if width in options:
                options[width] *= many
        if "groups" in options and apart:
            options["groups"] *= many
    made = (step.output[0] * many, *step.output[1:])
    name = _title(step.name, row)
    given = step.given if many == 1 else None
    return replace(step, options=options, output=made, parameters=step.parameters * many, name=name, given=given)


def _title(name: str, row: Row) -> str:
    """A node's name without its tower."""
    parts = name.split(".")
    return row.name if len(parts) < 3 and row.towers else ".".join((row.name, parts[-1])) if row.towers else name


def _joins_towers(network: Network, row: Row) -> bool:
    makers = [network.by_name[ref.node] for ref in row.node.inputs if ref.node in network.by_name]
    return len({maker.row for maker in makers}) == 1 and len({maker.tower for maker in makers}) > 1


def _plain(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(each) for each in shape)


def _options(layer: Layer, taken: tuple[int, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {name: getattr(layer, name) for name in COMPARED if name in layer.options}
    if "kernel_size" in options:
        if "stride" in options:
            options["stride"] = getattr(layer, "steps", options["stride"])
        stride, dilation = options["stride"], options.get("dilation", (1,) * len(options["kernel_size"]))
        if "padding" in options:
            options["padding"] = sides_of(options["padding"], taken[1:], options["kernel_size"], stride, dilation)
    if isinstance(options.get("dim"), int):
        options["dim"] %= len(taken)
    if options.get("connection_table") is None:
        options.pop("connection_table", None)
    return options
