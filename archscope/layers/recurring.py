"""What PyTorch runs for recurrence on a CPU, position by position; an LSTM without projections is one operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archscope.layers.steps import Made, Step, added, copied_linear, dropped_out, multiplied
from archscope.record import Record

APART_IN: Final = ("float64", "float16")
"""Types in which PyTorch has no one operation for an LSTM: it runs position by position."""


class Recurrence(Record):
    """A recurrent layer in its place.

    Attributes:
        kind: ``rnn``, ``lstm`` or ``gru``.
        length: positions.
        units: of one direction.
        kept: the length of a state, which is less where states are projected.
        layers: how many.
        directions: one, or two.
        bias: whether gates add constants.
        dropout: probability between layers.
        given: whether states to begin with are inputs.
        function: ``tanh`` or ``relu``, of plain recurrence.
        training: whether the backward pass comes.
        dtype: PyTorch's name of the type of its values.
    """

    kind: str
    length: int
    units: int
    kept: int
    layers: int
    directions: int
    bias: bool
    dropout: float
    given: bool
    function: str = "tanh"
    training: bool = True
    dtype: str = "float32"

    @property
    def fused(self) -> bool:
        """Whether PyTorch has one operation for it: of values in bfloat16 on processors with AVX-512."""
        return self.kind == "lstm" and self.kept == self.units and self.dtype not in APART_IN


def recurrence(asked: Recurrence) -> tuple[Step, ...]:
    """The steps of a layer over all positions."""
    many = asked.layers * asked.directions
    states = {"hidden": asked.kept, **({"cell": asked.units} if asked.kind == "lstm" else {})}
    steps: list[Step] = []
    for place, (name, size) in enumerate(states.items(), start=2):
        if asked.given:
            steps += [
                Step("transpose", (f"input {place}",), (Made(f"{name} turned", ()),), views=True, turns=(1, 0, 2)),
                Step("contiguous", (f"{name} turned",), (Made(name, ()),), views=True, lined=True),
            ]
        else:
            steps.append(Step("zeros", (), (Made(name, (many, size), at=1, typed="input"),)))
    steps.append(Step("transpose", ("input",), (Made("positions", ()),), views=True, turns=(1, 0, 2)))
    if not asked.fused:
        places = [f"{layer} {way}" for layer in range(asked.layers) for way in range(asked.directions)]
        steps += [Step("unbind", (name,), tuple(Made(f"{name} before {each}", (size,)) for each in places), views=True,
                       takes=0) for name, size in states.items()]  # fmt: skip
    steps += _stack_of_layers(asked)
    outputs = ["states", *(f"last {name}" for name in states)]
    made: list[Step] = []
    for number, (name, size) in enumerate(states.items()):
        ends = tuple(f"{name} {layer} {way}" for layer in range(asked.layers) for way in range(asked.directions))
        kept = (*states, "x", *(f"y {asked.layers - 1} {way}" for way in range(asked.directions))) if asked.fused else (
            *states,)  # fmt: skip
        last = number == len(states) - 1
        every = [f"{each} {layer} {way}" for each in states for layer in range(asked.layers)
                 for way in range(asked.directions)] if last and asked.fused else []  # fmt: skip
        made.append(Step("stack", ends, (Made(f"last {name}", (many, size), at=1),), passes=ends, takes=0,
                         reads_too=(*kept, *every) if last else ()))  # fmt: skip
    for place, name in enumerate(outputs, start=1):
        called = "output" if place == 1 else f"output {place}"
        # One operation for the whole gives what is seen of it; PyTorch turns what others make, and that is no other.
        turned = place > 1 or not asked.fused
        made.append(Step("transpose", (name,), (Made(called, ()),), views=True, turns=(1, 0, 2), in_place=turned))
    return (*steps, *made)


def _stack_of_layers(asked: Recurrence) -> list[Step]:
    steps: list[Step] = []
    came = "positions"
    if asked.fused:
        steps.append(Step("contiguous", (came,), (Made("x", ()),), views=True, lined=True))
        came = "x"
    for layer in range(asked.layers):
        last = layer == asked.layers - 1
        ways = range(asked.directions)
        for way in ways:
            steps += _fused_layer(asked, layer, way, came) if asked.fused else _layer(asked, layer, way, came)
        made = "states" if last else f"states {layer}"
        width = asked.kept * asked.directions
        read = tuple(f"y {layer} {way}" for way in ways)
        whole = Made(made, (asked.length, width), at=1)
        if asked.directions > 1:
            kept = () if asked.fused else _held(asked, layer)
            steps.append(Step("cat", read, (whole,), passes=read, reads_too=(came, *kept)))
        else:
            steps.append(Step("alias", read, (whole,), views=True, reads_too=(came,), in_place=True))
        came = made
        if asked.dropout and not last and asked.training:
            steps += dropped_out(came, f"dropped {layer}", Made("", (asked.length, width), at=1))
            came = f"dropped {layer}"
    return steps


def _held(asked: Recurrence, layer: int) -> tuple[str, ...]:
    """What both directions hold until they are joined: all states, and what the second saw."""
    states = (f"hidden {layer} {way} after {place}" for way in (0, 1) for place in range(asked.length - 1))
    return (*states, f"hidden {layer} 0", f"hidden {layer} 1", f"seen {layer} 1")


def _names(asked: Recurrence, layer: int, way: int) -> tuple[str, ...]:
    """Its weights: of inputs, of states, and the constants of both."""
    suffix = f"_l{layer}{'_reverse' if way else ''}"
    names = (f"weight_ih{suffix}", f"weight_hh{suffix}")
    return (*names, f"bias_ih{suffix}", f"bias_hh{suffix}") if asked.bias else names


def _fused_layer(asked: Recurrence, layer: int, way: int, came: str) -> list[Step]:
    """One operation; where there are no constants it is given zeros, as large as the matrices."""
    each = f"{layer} {way}"
    weights = _names(asked, layer, way)
    steps = [_state("hidden", each), _state("cell", each)]
    zeros: tuple[str, ...] = ()
    behind: tuple[Made, ...] = ()
    if not asked.bias:
        zeros = tuple(f"zeros like {name}" for name in weights)
        steps += [Step("zeros", (), (Made(f"zeros like {name}", (), like=name),)) for name in reversed(weights)]
        behind = (Made("constants", (8 * asked.units,), each=False),)
    made = (Made(f"y {each}", (asked.length, asked.units), at=1), Made(f"hidden {each}", (asked.units,)),
            Made(f"cell {each}", (asked.units,)))  # fmt: skip
    reads = (came, f"hidden before {each}", f"cell before {each}", *weights)
    saves = (*reads[:3], *(one.name for one in made), *zeros)
    before = () if layer == 0 else (f"y {layer - 1} {way}",)
    return [*steps, Step("mkldnn_rnn_layer", reads, made, saves, every=True, behind=behind,
                         reads_too=(*zeros, *before))]  # fmt: skip


def _state(name: str, each: str) -> Step:
    """One of the states to begin with."""
    return Step("select", (name,), (Made(f"{name} before {each}", (0,)),), views=True, takes=0)


def _layer(asked: Recurrence, layer: int, way: int, came: str) -> list[Step]:
    """All inputs at once through their matrix, then one position after the other."""
    each = f"{layer} {way}"
    weights = _names(asked, layer, way)
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[asked.kind] * asked.units
    whole = f"seen {each}"
    bias = weights[2] if asked.bias else ""
    positions = tuple(f"seen {each} at {place}" for place in range(asked.length))
    steps = [
        copied_linear(came, weights[0], bias, Made(whole, (asked.length, gates), at=1)),
        # What the first direction saw is there until this has its name.
        Step(
            "unbind",
            (whole,),
            tuple(Made(name, (gates,)) for name in positions),
            views=True,
            takes=0,
            reads_too=(f"seen {layer} 0",) if way else (),
        ),
    ]
    hidden, cell = f"hidden before {each}", f"cell before {each}"
    made: list[str] = []
    order = positions if way == 0 else positions[::-1]
    for number, seen in enumerate(order):
        end = number == len(order) - 1
        after = f"hidden {each}" if end else f"hidden {each} after {number}"
        cell_after = f"cell {each}" if end else f"cell {each} after {number}"
        cell_ = Cell(asked.kind, asked.units, weights[1], weights[3] if asked.bias else "", asked.function,
                     asked.training, f"{each} {number}")  # fmt: skip
        steps += stepped(cell_, seen, hidden, cell, after, cell_after)
        if asked.kept != asked.units:
            steps[-1] = steps[-1].replace(makes=(Made(f"whole {each} {number}", (asked.units,)),))
            name = f"weight_hr_l{layer}{'_reverse' if way else ''}"
            upright = f"{name} upright"
            if not number:
                steps.append(Step("t", (name,), (Made(upright, ()),), views=True, turns=(1, 0)))
            steps.append(Step("mm", (f"whole {each} {number}", upright), (Made(after, (asked.kept,)),),
                              (f"whole {each} {number}",), reads_too=steps[-1].reads_too))  # fmt: skip
        hidden, cell = after, cell_after
        made.append(after)
    read = tuple(made if way == 0 else made[::-1])
    y = Made(f"y {each}", (asked.length, asked.kept), at=1)
    return [*steps, Step("stack", read, (y,), passes=read, takes=0, reads_too=(whole,))]


class Cell(Record):
    """One step of a recurrence: the names of its weights, and what it makes.

    Attributes:
        kind: ``rnn``, ``lstm`` or ``gru``.
        units: how many.
        weight: of the state.
        bias: of the state; empty if there is none.
        function: ``tanh`` or ``relu``, of plain recurrence.
        training: whether the backward pass comes.
        each: what its tensors are told apart by.
    """

    kind: str
    units: int
    weight: str
    bias: str
    function: str
    training: bool
    each: str = ""


def stepped(cell: Cell, seen: str, hidden: str, state: str, after: str, state_after: str) -> list[Step]:
    """The steps of a cell, given what its gates see of the input."""
    return {"rnn": _rnn, "gru": _gru, "lstm": _lstm}[cell.kind](cell, seen, hidden, state, after, state_after)


def linear(name: str, weight: str, bias: str, made: Made) -> Step:
    """A dense layer over vectors."""
    return Step("linear", (name, weight, bias) if bias else (name, weight), (made,), (name,))


def _in_place(op: str, reads: tuple[str, ...], made: str, width: int, **more: object) -> Step:
    return Step(op, reads, (Made(made, (width,)),), in_place=True, **more)  # type: ignore[arg-type]


def _rnn(cell: Cell, seen: str, hidden: str, _: str, after: str, __: str) -> list[Step]:
    of, n = cell.each, cell.units
    return [
        linear(hidden, cell.weight, cell.bias, Made(f"of state {of}", (n,))),
        _in_place("add_", (f"of state {of}", seen), f"sum {of}", n, passes=(f"of state {of}", seen)),
        Step(cell.function, (f"sum {of}",), (Made(after, (n,)),), (after,)),
    ]


def _gru(cell: Cell, seen: str, hidden: str, _: str, after: str, __: str) -> list[Step]:
    of, n = cell.each, cell.units
    parts = [f"{part} {of}" for part in ("r seen", "z seen", "n seen")]
    mine = [f"{part} {of}" for part in ("r own", "z own", "n own")]
    r, z, new = f"r {of}", f"z {of}", f"n {of}"

    def multiplied_in(first: str, second: str, made: str) -> list[Step]:
        """In place; what the first was is kept for the gradient of the second."""
        kept = f"{first} kept"
        copied = Step("clone", (), (Made(kept, (n,), typed=first),), reads_too=(first,), needed_for=second)
        own = [copied] if cell.training else []
        also = {"saves_for": {second: first, **({kept: second} if cell.training else {})}}
        return [*own, _in_place("mul_", (first, second), made, n, reads_too=(kept,) if own else (), **also)]

    return [
        Step("split", (seen,), tuple(Made(name, (n,)) for name in parts), views=True),
        linear(hidden, cell.weight, cell.bias, Made(f"of state {of}", (3 * n,))),
        Step("split", (f"of state {of}",), tuple(Made(name, (n,)) for name in mine), views=True),
        _in_place("add_", (mine[0], parts[0]), f"r sum {of}", n, passes=(mine[0], parts[0])),
        _in_place("sigmoid_", (f"r sum {of}",), r, n, saves=(r,)),
        _in_place("add_", (mine[1], parts[1]), f"z sum {of}", n, passes=(mine[1], parts[1])),
        _in_place("sigmoid_", (f"z sum {of}",), z, n, saves=(z,)),
        *multiplied_in(mine[2], r, f"n reset {of}"),
        added(parts[2], f"n reset {of}", (n,)).replace(makes=(Made(f"n sum {of}", (n,)),)),
        _in_place("tanh_", (f"n sum {of}",), new, n, saves=(new,)),
        Step("sub", (hidden, new), (Made(f"apart {of}", (n,)),), passes=(hidden,)),
        *multiplied_in(f"apart {of}", z, f"kept part {of}"),
        _in_place("add_", (f"kept part {of}", new), after, n, passes=(f"kept part {of}", new),
                  reads_too=(seen, f"of state {of}")),
    ]  # fmt: skip


def _lstm(cell: Cell, seen: str, hidden: str, state: str, after: str, state_after: str) -> list[Step]:
    of, n = cell.each, cell.units
    parts = [f"{part} {of}" for part in ("i sum", "f sum", "g sum", "o sum")]
    gates = [f"{part} {of}" for part in ("i", "f", "g", "o")]
    steps = [
        linear(hidden, cell.weight, cell.bias, Made(f"of state {of}", (4 * n,))),
        _in_place("add_", (f"of state {of}", seen), f"sums {of}", 4 * n, passes=(f"of state {of}", seen)),
        Step("split", (f"sums {of}",), tuple(Made(name, (n,)) for name in parts), views=True),
    ]
    for part, gate, function in zip(parts, gates, ("sigmoid_", "sigmoid_", "tanh_", "sigmoid_"), strict=True):
        steps.append(_in_place(function, (part,), gate, n, saves=(gate,)))
    i, f, g, o = gates
    return [
        *steps,
        multiplied(f, state, (n,)).replace(makes=(Made(f"forgotten {of}", (n,)),)),
        multiplied(i, g, (n,)).replace(makes=(Made(f"learned {of}", (n,)),)),
        _in_place("add_", (f"forgotten {of}", f"learned {of}"), state_after, n,
                  passes=(f"forgotten {of}", f"learned {of}")),
        Step("tanh", (state_after,), (Made(f"squashed {of}", (n,)),), (f"squashed {of}",)),
        multiplied(o, f"squashed {of}", (n,)).replace(makes=(Made(after, (n,)),),
                                                      reads_too=(*gates, f"sums {of}", hidden, state)),
    ]  # fmt: skip


def cell_steps(cell: Cell, given: bool, weights: Sequence[str]) -> tuple[Step, ...]:
    """The steps of one of the layers ``rnn_cell``, ``lstm_cell``, ``gru_cell``."""
    n = cell.units
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell.kind] * n
    hidden, state = ("input 2", "input 3") if given else ("zeros", "zeros")
    steps = [] if given else [Step("zeros", (), (Made("zeros", (n,), typed="input"),))]
    own = linear("input", weights[0], weights[2] if len(weights) > 2 else "", Made("seen", (gates,)))
    ran = stepped(cell, "seen", hidden, state, "output", "output 2")
    held = (hidden, "seen") if cell.kind == "rnn" else (hidden,)
    ran[-1] = ran[-1].replace(reads_too=(*ran[-1].reads_too, *held))
    return (*steps, own, *ran) if cell.kind == "gru" else (*steps, ran[0], own, *ran[1:])
