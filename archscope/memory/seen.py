"""What a layer of a module runs, as it was seen: in place, several at once, once for all samples, by another rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from archscope.constants import CASTS
from archscope.layers.attending import FUSED, told_what_is_later
from archscope.layers.base import Facts, Layer, values_in
from archscope.layers.operators import CLAMPS, RETYPED, WINDOWS, steps_of
from archscope.layers.steps import (
    MASK,
    Made,
    Step,
    input_name,
    looked_up,
    not_lifted,
    noting,
    oddly_padded,
    output_name,
    put_in_place,
    repeated,
)
from archscope.layers.weighing import giving_weights
from archscope.memory.ledger import Ledger
from archscope.memory.stepping import IN_ONE_ROW
from archscope.memory.values import Value
from archscope.network import Network, Node, Ref
from archscope.observed import Observed, Ordered
from archscope.record import EMPTY

Steps = tuple[Step, ...]


def described(node: Node, facts: Facts, observed: Observed | None) -> tuple[Layer, Facts]:
    """The layer that says what runs for a node, and its facts: of attention whose weights are read, as if none were."""
    like = getattr(node.layer, "like", None)
    if observed is None or like is None or node.name not in observed.weighs:
        return node.layer, facts
    return like, facts.replace(outputs=facts.outputs[:1])


def as_seen(
    node: Node, facts: Facts, steps: Steps | None, observed: Observed, *, training: bool, batch: int
) -> tuple[Steps | None, str]:
    """What runs for a node, ``steps`` being what its type says, and why no rule says it where none does."""
    if node.name in observed.notes and node.name not in observed.unruled:
        return noting(facts), ""
    if (padded := observed.padded.get(node.name)) is not None:
        steps = padded.layer.runs_padded(facts, numbers=padded.numbers, training=training)
    why = ""
    ran = observed.ran_alone.get(node.name)
    if ran is not None and (steps is None or node.layer.family == "arithmetic" or ran.repeats or ran.name in CLAMPS):
        steps = steps_of(ran, facts) or (None if ran.before else steps)
        if steps is None:
            why = f"no rule says what {' and '.join(f'`{each}`' for each in (*ran.before, ran.name))} keeps"
    if steps is None:
        return None, observed.unruled.get(node.name, why)
    if ran is not None and ran.name == "view" and ran.folds and len(steps) == 1 and facts.output:
        steps = (steps[0].replace(merges=True),)
    if not observed.built and node.name not in observed.lifts:
        steps = not_lifted(steps)
        if getattr(node.layer, "padding", None) == "same":
            steps = oddly_padded(steps, facts.inputs[0])
    if node.name in observed.weighs:
        steps = giving_weights(steps, averaged=observed.weighs[node.name])
    if node.name in observed.hidden:
        steps = told_what_is_later(steps)
    if node.layer.type == FUSED and steps[0].parts and node.name in observed.folded:
        steps, why = _fused_in_windows(steps, facts.output), ""
        if steps[0].parts:
            return None, _IN_WINDOWS
    if node.name in observed.in_place:
        steps = put_in_place(steps, node.layer.kept_in_place)
        why = f"no rule says what a {node.layer.type} keeps that works in place"
    if node.name in observed.repeated:
        steps = repeated("weight", facts.output)
    if node.name in observed.constants.rows:
        constants = observed.constants
        each = node.name in constants.for_each or (batch == 1 and node.name in constants.in_front)
        steps = looked_up(constants.rows[node.name], facts.output, each=each, spread=node.name in constants.spread)
    many = len(observed.together.get(node.name, ()))
    if many > 1 and steps is not None:
        made = tuple(Made(output_name(place), facts.output) for place in range(many))
        steps = (steps[0].replace(op="unbind", makes=made),)
    unruled = observed.unruled.get(node.name) or (observed.unruled_in_training.get(node.name, "") if training else "")
    if unruled and steps is not None and all(step.views for step in steps):
        return steps, unruled
    return (None, unruled or why) if unruled or steps is None else (steps, "")


_SPREADS: Final = frozenset({"add", "sub", "mul", "div", "where", "maximum", "masked_fill"})
"""Operations that repeat what has no axis of the batch for every sample."""

COPIED: Final = "it copies a parameter that its code has turned, and no rule follows the gradient of that"
_ONE_FOR_ALL: Final = "it works on parts of parameters alone, and no rule follows what is there once for all samples"
_IN_WINDOWS: Final = (
    "it attends with a mask, drops weights, or has values wider or narrower than keys, where samples stand in one axis "
    "with others, and no rule follows that"
)
_WEIGHTS_ALONE: Final = "its weights alone are read, and no rule follows what its values keep while its code has them"
_PARTS: Final = "it takes a part of a parameter, and no rule follows the gradient of one"
_ROWS: Final = "it sees rows of a table otherwise, and no rule follows when what repeats them sums their gradient"
_TURNED: Final = "it turns a parameter that others repeat, and no rule follows when they sum its gradient"
_FOR_EACH: Final = "its code copies it for every sample, and no rule follows how"
_TWO_WAYS: Final = "it works on a parameter that is read for every sample too, and no rule follows both gradients"
_PART_OVER: Final = "it writes over a part of a value, and no rule follows the gradient of the whole"
_NUMBERED: Final = "its code takes samples by their numbers, and no rule follows how many are left"
_SQUEEZED: Final = "its code takes the axis of the batch away where it is of one sample, and of more it runs otherwise"
ONE_OF_ROWS: Final = "it works on rows of a table once for all samples, and no rule follows that"
_ONE_BESIDE: Final = "it reads what is there once for all samples, and no rule follows that"


def stops(network: Network, batch: int, *, again: bool) -> tuple[frozenset[str], dict[str, str]]:
    """Nodes and inputs behind which no rule follows how many samples there are, and why.

    Where layers run ``again`` in the backward pass, nodes that are `unlike` are among them.
    """
    observed = network.observed
    if observed is None:
        return frozenset(), {}
    if again and (others := unlike(observed, batch)):
        return observed.numbered | others.keys(), {**others}
    if observed.squeezed and batch != 1:
        return observed.numbered | observed.squeezed, {network.name: _SQUEEZED}
    return observed.numbered, {network.name: _NUMBERED}


def unlike(observed: Observed | None, batch: int) -> Mapping[str, str]:
    """Nodes of which nobody knows how much they make of another batch than the one that ran, and why."""
    return EMPTY if observed is None or batch == observed.batch else observed.unlike


def _fused_in_windows(steps: Steps, output: tuple[int, ...]) -> Steps:
    """Attention whose samples stand in one axis with others, windows of a map, which is the batch to PyTorch."""
    (step,) = steps
    width = {made.shape[-1] for part in step.parts if part.op == "mul" for made in part.makes}
    drops = any(part.op == "bernoulli" for part in step.parts)
    if len(output) != 4 or step.reads_too or drops or output[-1] not in width:
        return steps
    names = ("output", "sums of output")
    made = (Made(names[0], output), Made(names[1], output[:-1], "float32"))
    return (Step(FUSED, step.reads, made, (*step.reads, *names), every=True, lies=(0, 1, 3, 2, 4),
                 unlined=step.parts),)  # fmt: skip


def alone(steps: Steps, read: Sequence[Value]) -> Steps:
    """The steps of a node that makes something once for all samples; a parameter's parts are seen as ever."""
    if all(step.views for step in steps) and not all(value.once for value in read):
        return steps
    return tuple(_without_batch(step) for step in steps)


_AS_THE_MASK: Final = "it chooses among values whose axes were turned, and what it makes lies as the mask does"

_ONE_IN_ROWS: Final = "it runs on one sample of turned rows, and no rule says how what it makes lies"

_OF_TURNED: Final = frozenset({"batch_norm", "rms_norm"})
"""Norms that make other tensors meanwhile where what they read does not lie in the order of its axes."""


def lying_otherwise(node: Node, steps: Steps, read: Sequence[Value]) -> str:
    """Why no rule says what a node holds of what it reads as it lies; empty if one does."""
    layout = read[0].layout if read else None
    if any(step.op == "where" for step in steps) and not all(value.layout.in_order for value in read):
        alike = read[0].dtype == MASK and all(value.layout == layout for value in read)
        return "" if alike else _AS_THE_MASK
    if (
        layout is not None
        and any(step.op in IN_ONE_ROW for step in steps)
        and not layout.in_order
        and layout.shape[0] == 1
    ):
        return "" if layout.in_one_row.channels_last else _ONE_IN_ROWS
    if layout is None or layout.in_order or layout.channels_last or node.layer.type not in _OF_TURNED:
        return ""
    return "it reads values whose axes were turned, and no rule says what it makes of them meanwhile"


def _without_batch(step: Step) -> Step:
    made = tuple(each.replace(each=False) for each in step.makes)
    turns = tuple(axis - 1 for axis in step.turns[1:])
    sums = tuple(axis - 1 for axis in step.sums)
    return step.replace(makes=made, turns=turns, sums=sums, takes=None if step.takes is None else step.takes - 1,
                        behind=tuple(each.replace(each=False) for each in step.behind))  # fmt: skip


def parts_of_parameters(read: Sequence[Value]) -> list[bool]:
    """Of each value that a node reads, whether it is made of a parameter, and yet there for each sample."""
    return [value.grad and not (value.once or value.weight) for value in read]


def unfollowed(node: Node, steps: Steps, read: Sequence[Value], network: Network, *, once: bool, training: bool) -> str:
    """Why no rule follows a node that has to do with what is there once for all samples; empty if one does."""
    observed = network.observed
    if observed is None or not steps or node.name in observed.constants.rows:
        return ""
    if node.name in observed.copied:
        return _FOR_EACH
    if training and node.name in observed.weighs and not _gives_values(node, network):
        return _WEIGHTS_ALONE
    views = all(step.views for step in steps)
    if any(rows := _of_rows(node, observed)):
        if views and training:
            return _ROWS
        if not (views or all(step.op in _SPREADS for step in steps)):
            return ONE_OF_ROWS if all(rows) else _ONE_BESIDE
    behind = [_behind(network, ref) if views else network.by_name.get(ref.node) for ref in node.inputs]
    parameters = [each.name for each in behind if each is not None and each.layer.type == "parameter"]
    if not once:
        # A mask of attention is added to the scores of every sample.
        besides = read[:3] if node.layer.type == "scaled_dot_product_attention" else read
        if any(value.once for value in besides) and not all(step.op in _SPREADS for step in steps):
            return _ONE_BESIDE
        if not (parameters and training):
            return ""
        if any(step.turns for step in steps) and not (network.facts[node.name].parameters or read[0].ahead):
            return _TURNED
        whole = not views or network.facts[node.name].parameters or _as_many(network, node) or read[0].ahead
        return "" if whole else _PARTS
    if views:
        return ""
    if any(parts_of_parameters(read)):
        return _ONE_FOR_ALL
    if any(name in observed.constants.rows for name in parameters):
        return _ONE_FOR_ALL
    others = {reader.name for name in parameters for reader in network.consumers[name]} - observed.for_all
    return _TWO_WAYS if others and training else ""


def _gives_values(node: Node, network: Network) -> bool:
    """Whether anything reads the first of what a node makes, or the network gives it."""
    first = Ref(node.name)
    return first in network.outputs or any(first in reader.inputs for reader in network.consumers[node.name])


def _of_rows(node: Node, observed: Observed) -> list[bool]:
    """Of each value that a node reads, whether it is rows of a table, looked up once for all samples."""
    constants = observed.constants
    return [ref.node in constants.rows and ref.node not in constants.for_each | constants.spread for ref in node.inputs]


def written_over(steps: Steps, read: Sequence[Value], ledger: Ledger) -> str:
    """Why no rule follows all that a node takes on the way back through what it writes over; empty if one does."""
    over = any(step.sliced for step in steps) and read[0].seen and any(value.grad for value in read)
    return _PART_OVER if over and read[0].size < ledger.size(read[0].block) else ""


def _behind(network: Network, ref: Ref) -> Node | None:
    """The node whose values a node reads, through those that only see them differently; None for an input."""
    node = network.by_name.get(ref.node)
    while node is not None and node.inputs and _sees(node, network.facts[node.name]):
        node = network.by_name.get(node.inputs[0].node)
    return node


def _sees(node: Node, facts: Facts) -> bool:
    """Whether a node only sees differently what it reads."""
    steps = None if node.layer.routing(facts) else node.layer.runs(facts)
    return bool(steps) and all(step.views for step in steps or ())


def _as_many(network: Network, node: Node) -> bool:
    """Whether a node makes as many values as it reads."""
    facts = network.facts[node.name]
    return sum(map(values_in, facts.outputs)) == values_in(facts.inputs[0])


def made_by(node: Node, facts: Facts, observed: Observed | None) -> list[Ref]:
    """What the steps of a node make, in their order: its outputs, or those of all nodes that are made at once."""
    together = () if observed is None else observed.together.get(node.name, ())
    return [Ref(each) for each in together] or results_of(node, facts, observed)


def results_of(node: Node, facts: Facts, observed: Observed | None) -> list[Ref]:
    """The results of a node: its outputs, and weights of attention or places of values that no layer reads."""
    more = observed is not None and (node.name in observed.weighs or node.name in observed.notes)
    return [Ref(node.name, place) for place in range(2 if more else len(facts.outputs))]


def put_in_order(node: Node, observed: Observed | None) -> list[tuple[Ref, Ordered]]:
    """What the code puts in the order of its axes of what a node makes."""
    return [] if observed is None else [each for each in observed.ordered.items() if each[0].node == node.name]


def is_part(node: Node, facts: Facts, observed: Observed | None) -> bool:
    """Whether a node of which no operation is known sees a part of what it reads."""
    return observed is not None and node.name in observed.sees and values_in(facts.output) < values_in(facts.inputs[0])


def is_held(node: Node, network: Network) -> bool:
    """Whether what a node makes, which no rule follows, may hold nothing that is not held already.

    A function of parameters alone may be what one is, seen differently; others write over what is there.
    """
    if network.observed is not None and node.name in network.observed.elsewhere:
        return True
    made = [network.by_name.get(ref.node) for ref in node.inputs]
    return node.layer.type == "function" and all(each and each.layer.type == "parameter" for each in made)


def stated(node: Node, network: Network) -> Sequence[str]:
    """What a layer calls its weights; those that a function has first are called as the module calls them."""
    names = [each.name for each in network.facts[node.name].weights]
    owner = None if node.shares is None else network.by_name[node.shares]
    if owner is None or owner.layer.type != "function" or network.observed is None:
        return names
    return [own for name, own in network.observed.sources if name == node.name] or names


def at_least(node: Node, facts: Facts, observed: Observed | None) -> Steps:
    """What a layer without a rule holds all the same: what it reads and makes."""
    read = tuple(input_name(place) for place in range(len(node.inputs)))
    nothing = observed is not None and not observed.built and observed.ran.get(node.name) == 0
    same = facts.inputs[:1] == facts.outputs[:1]
    sees = observed is not None and node.name in observed.sees
    if sees or (nothing and same and node.layer.type == "function"):  # or values that were written to
        return (Step(node.layer.type, read[:1], (Made(output_name(0), facts.output),), views=True),)
    if node.layer.type == "parameter":
        return (
            Step(
                "expand", tuple(each.name for each in facts.weights), (Made(output_name(0), facts.output),), views=True
            ),
        )
    if observed is not None and node.name in observed.in_place and same and len(made_by(node, facts, observed)) == 1:
        return (Step(node.layer.type, read, (Made(output_name(0), facts.output),), in_place=True),)
    ran = None if observed is None else observed.ran_alone.get(node.name)
    dtype = "" if observed is None or observed.unruled.get(node.name) != CASTS else "bfloat16"
    if ran is not None and len(facts.outputs) == 1 and not dtype:
        op = ran.name if ran.name in RETYPED | WINDOWS else node.layer.type
        return (Step(op, read, (ran.made(facts),), views=ran.views),)
    many, last = len(made_by(node, facts, observed)), len(facts.outputs) - 1
    made = tuple(Made(output_name(place), facts.outputs[min(place, last)], dtype) for place in range(many))
    return (Step(node.layer.type, read, made),)
