"""A `scan` whose body is one cell of Flax or Equinox: recurrence, one bias a gate where PyTorch has two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from archscope.importing.graph import Constant
from archscope.importing.jax.flat import Flat, Step
from archscope.importing.jax.lowering import JAX, SAME, Group, Lowering, grouped
from archscope.importing.jax.marks import owner_of
from archscope.importing.jax.tracing import Traced
from archscope.layers import TYPES
from archscope.layers.base import Facts, Layer
from archscope.recognising.function import Function
from archscope.working import count


class _Kind(NamedTuple):
    """A class of cells.

    Attributes:
        type: the layer type that it is over all positions.
        takes: what its call is given, in order: `x`, the hidden state `h`, and the cell `c`.
        makes: what its call makes.
    """

    type: str
    takes: str
    makes: str


_KINDS: Final[Mapping[tuple[str, str], _Kind]] = MappingProxyType({
    ("flax", "LSTMCell"): _Kind("lstm", "chx", "chh"), ("flax", "OptimizedLSTMCell"): _Kind("lstm", "chx", "chh"),
    ("flax", "GRUCell"): _Kind("gru", "hx", "hh"), ("flax", "SimpleCell"): _Kind("rnn", "hx", "hh"),
    ("equinox", "LSTMCell"): _Kind("lstm", "xhc", "hc"), ("equinox", "GRUCell"): _Kind("gru", "xh", "h"),
})  # fmt: skip

_GATES: Final = {"lstm": 4, "gru": 3, "rnn": 1}
_FUNCTIONS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType({
    "lstm": {"logistic": 3, "tanh": 2}, "gru": {"logistic": 2, "tanh": 1}, "rnn": {"tanh": 1},
})  # fmt: skip
_MOVES: Final = frozenset({"dot_general", "add", "sub", "mul", "reshape", "broadcast_in_dim", "split", "slice",
                           "squeeze", "transpose"}) | SAME  # fmt: skip
"""What runs in a cell beside its functions."""


class _Loop(NamedTuple):
    """A `scan` over one cell.

    Attributes:
        kind: what the cell is.
        module: the cell.
        path: where it is.
        ran: what runs in it besides products, by how often.
        states: the values to begin with, by letter.
        ends: the values that the states end in, by letter.
        steps: the values that are the hidden states of all positions.
        sequence: the value whose positions it reads.
        backwards: whether it reads the last one first.
    """

    kind: _Kind
    module: Any
    path: str
    ran: Counter[str]
    states: Mapping[str, str]
    ends: Mapping[str, str]
    steps: tuple[str, ...]
    sequence: str
    backwards: bool


def lower_scan(step: Step, low: Lowering) -> bool:
    """Keep a `scan` as the recurrent layer that it is; False where it is none."""
    loop = _loop(step, low)
    if loop is None or len(low.flat.shapes[loop.sequence]) != 3 or not _begins(loop, low):
        return False
    consts = [low.origin(each) for each in step.reads[: int(step.params["num_consts"])]]
    if any(each not in low.weights or each in low.reached for each in consts):
        return False
    length, batch, features = low.flat.shapes[loop.sequence]
    hidden = low.flat.shapes[loop.ends["h"]][-1]
    layer, beyond = _layer(loop, hidden)
    held = [low.weights[each] for each in consts]
    gated = _GATES[loop.kind.type] * hidden
    biases = sum(each.values for each in held if len(each.shape) == 1)
    more = biases - gated if biases else 0
    matrices = sum(each.values for each in held if len(each.shape) > 1)
    each = gated * (features + hidden)
    if matrices != each or step.tally.macs != length * batch * each or more not in (0, hidden):
        return False
    given = [name for letter in "hc" if (name := loop.states.get(letter)) and low.origin(name) in low.reached]
    facts = layer.facts((length, features), *((1, hidden) for _ in given))
    roles = {name.rpartition(".")[2] + "_l0": name for name in consts}
    if biases or beyond:
        said = (["one bias a gate" + (" and one more of new states" if more else "")] if biases else []) + beyond
        roles = {name.removeprefix(f"{step.path}."): name for name in consts}
        facts = _biased(facts, gated, bool(biases), more, length, features, hidden)
        weights = tuple(weight.replace(name=name) for name, weight in zip(roles, held, strict=True))
        layer = Function(loop.kind.type, facts.replace(weights=weights), like=layer, beyond=", ".join(said))
    _keep(step, low, loop, layer, [_ahead(name, low, step.path) for name in given], consts, roles)
    return True


def _layer(loop: _Loop, hidden: int) -> tuple[Layer, list[str]]:
    """The layer without biases, and what its type does not have."""
    type_, beyond = loop.kind.type, []
    options: dict[str, Any] = {"hidden_size": hidden, "bias": False}
    if type_ == "rnn" and loop.ran == {"nn.relu": 1}:
        options["nonlinearity"] = "relu"
    elif loop.ran != _FUNCTIONS[type_]:
        beyond.append("other activations")
    if loop.backwards:
        beyond.append("backwards")
    if getattr(loop.module, "residual", False):
        beyond.append("the last state added")
    return TYPES[type_](**options), beyond


def _biased(facts: Facts, gated: int, biased: bool, more: int, length: int, features: int, hidden: int) -> Facts:
    """The facts with a line from the bias of each gate, and from what is added to new states."""
    if not biased:
        return facts
    lines = (count(features, "c") + count(hidden, "h") + 1) * count(gated, "g") * count(length, "t")
    if more:
        lines = lines + count(more, "h") * count(length, "t")
    return facts.replace(connections=lines, connections_in_bounds=lines)


def _loop(step: Step, low: Lowering) -> _Loop | None:
    """What a `scan` does, where its body is one call of a cell and its states and outputs are the cell's."""
    closed, params = step.params["jaxpr"], step.params
    consts, carried = int(params["num_consts"]), int(params["num_carry"])
    names = tuple(f"scan:{place}" for place in range(len(step.reads)))
    body = Flat(Traced(closed, (), names, low.traced.uses))
    items = grouped(body.steps)
    cells = [each for each in items if isinstance(each, Group)]
    beside = [each for each in items if isinstance(each, Step)]
    if len(cells) != 1 or any(each.name not in SAME for each in beside):
        return None
    (cell,) = cells
    use = low.traced.uses[cell.begins.use]
    owner = owner_of(use.module)
    kind = None if owner is None else _KINDS.get((owner.__module__.partition(".")[0], owner.__name__))
    if kind is None or len(cell.begins.reads) != len(kind.takes) or len(cell.ends.reads) != len(kind.makes):
        return None
    alias = {made: read for each in (*beside, *cell.steps) if each.name in SAME
             for made, read in zip(each.makes, each.reads, strict=False)}  # fmt: skip

    def source(name: str) -> str:
        while name in alias:
            name = alias[name]
        return name

    places = {source(name): letter for letter, name in zip(kind.takes, cell.begins.reads, strict=True)}
    made = dict(zip(kind.makes, map(source, cell.ends.reads), strict=True))
    states = [places.get(name, "") for name in names[consts : consts + carried]]
    ends = [source(name) for name in body.outputs]
    scanned = names[consts + carried :]
    plainly = (
        sorted(states) == sorted(kind.takes.replace("x", ""))
        and [made[letter] for letter in states] == ends[:carried]
        and all(each == made["h"] for each in ends[carried:])
        and [places.get(name) for name in scanned] == ["x"]
    )
    if not plainly:
        return None
    ran = Counter(each.name for each in cell.steps if each.name not in _MOVES)
    return _Loop(
        kind, use.module, use.path, ran, dict(zip(states, step.reads[consts:], strict=False)),
        dict(zip(states, step.makes, strict=False)), step.makes[carried:], step.reads[-1],
        bool(params["reverse"]),
    )  # fmt: skip


def _begins(loop: _Loop, low: Lowering) -> bool:
    """Whether its states to begin with are zeros, or come of the network's inputs."""
    zeros = [(found := low.constant(each)) is not None and found.number == 0 for each in loop.states.values()]
    reached = [low.origin(each) in low.reached for each in loop.states.values()]
    return all(zeros) or all(reached)


def _ahead(name: str, low: Lowering, path: str) -> str:
    """States of samples with an axis for the layers in front."""
    return _moved("Unsqueeze", low.plain(name), (1, *low.flat.shapes[name]), low, path)


def _moved(type_: str, form: str, shape: tuple[int, ...], low: Lowering, path: str) -> str:
    held, made = low.new((1,), "int64"), low.new(shape, low.dtypes[form])
    low.constants[held] = Constant((1,), (0,))
    low.add(type_, [form, held], [made], path=path)
    return made


def _keep(
    step: Step, low: Lowering, loop: _Loop, layer: Layer, given: list[str], consts: list[str], roles: Mapping[str, str]
) -> None:  # fmt: skip
    """Keep the layer, with the axis for its layers in front of each last state."""
    length, batch, _ = low.flat.shapes[loop.sequence]
    hidden, dtype = low.flat.shapes[loop.ends["h"]][-1], low.dtypes[loop.ends["h"]]
    forms = [low.new((length, batch, hidden), dtype)]
    letters = [letter for letter in "hc" if letter in loop.ends]
    forms += [low.new((1, batch, hidden), dtype) for _ in letters]
    low.add(loop.kind.type, [low.plain(loop.sequence), *given, *consts], forms, domain=JAX, path=step.path or loop.path,
            tally=step.tally, layer=layer, after=1, roles=roles)  # fmt: skip
    for each in loop.steps:
        low.know(each, forms[0])
    for letter, form in zip(letters, forms[1:], strict=True):
        low.know(loop.ends[letter], _moved("Squeeze", form, (batch, hidden), low, step.path or loop.path))
