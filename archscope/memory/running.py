"""Run the steps of a network's layers, forward and backward, and keep the ledger of what each holds.

What autograd does is followed: a value lives while somebody reads it or the backward pass needs it; a gradient
lives until what it came to has passed it on; what is saved goes when its layer's backward pass is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from archscope.constants import COPIED_ON, IN_ORDER, NONE
from archscope.layers.base import Facts
from archscope.layers.steps import TABLE, UNTOUCHED, Made, Step, input_name, output_name
from archscope.losses import DEFAULT
from archscope.memory import seen
from archscope.memory.autocast import Casting
from archscope.memory.beside import Beside, weight_behind
from archscope.memory.lasting import as_seen_first, last_graded, last_reads
from archscope.memory.layout import Anyhow, Layout
from archscope.memory.ledger import Ledger
from archscope.memory.losses import LOSS, OUTPUT, ROW, TARGET, steps_of, target_of
from archscope.memory.passing import Passing
from archscope.memory.placed import facing, inputs_at, placed, stood
from archscope.memory.routes import Route, all_to_the_first
from archscope.memory.series import Series
from archscope.memory.stepping import Operations
from archscope.memory.trained import otherwise, taken, trained, types_of_inputs
from archscope.memory.values import Again, Gradient, Pending, StopsEarly, Value
from archscope.memory.written import Meanwhile, as_it_runs, layers_of, written_out
from archscope.network import Network, Node, Ref
from archscope.record import EMPTY


class Run:
    """One network on a batch, in values of one type.

    Args:
        network: any network.
        batch: samples that run at once.
        dtype: PyTorch's name of the type of weights and values.
        training: whether it trains; it keeps nothing for a backward pass where it does not.
        again: groups whose layers keep nothing and run again in the backward pass, by the names of their nodes.
        as_tracked: whether what a tracker of tensors without values sees is asked, not what runs; see `Operations`.
        holds_inputs: whether who called it holds what is fed in all the time; else it goes when it was read.
        ledger: another one than the usual.
        by_node: whether the ledger names nodes, and not the lines of a table.
        autocast: the type that the forward pass runs in where PyTorch's autocast has it so; None for no autocast.
        route: how many rows each part of a layer has where values decide; by default the first has all of them.
        loss: what the backward pass starts from; see `archscope.losses`.
    """

    def __init__(
        self,
        network: Network,
        batch: int,
        dtype: str,
        *,
        training: bool,
        again: Sequence[Sequence[Node]] = (),
        as_tracked: bool = False,
        holds_inputs: bool = True,
        ledger: Ledger | None = None,
        by_node: bool = False,
        autocast: str | None = None,
        route: Route = all_to_the_first,
        loss: str = DEFAULT,
    ) -> None:
        network = as_it_runs(network, training=training)
        self._layers, network = layers_of(network), written_out(network)
        self.network, self.batch, self.dtype, self.training = network, batch, dtype, training
        self.ledger = Ledger() if ledger is None else ledger
        self.operations = Operations(self.ledger, batch, dtype, as_tracked=as_tracked)
        self.meanwhile = Meanwhile()
        self._by_node = by_node
        self.route, self._loss = route, loss
        self.passing = Passing(self.operations)
        self._casting = Casting(autocast, self.operations)
        self._series = Series(self.operations, self._casting, recording=training)
        self.not_covered = self._series.not_covered
        self.weights: dict[tuple[str, str], Value] = {}
        self.outputs: list[Value] = []
        self._targets: dict[Ref, Value] = {}
        self._losses: list[Value] = []
        self._values: dict[Ref, Value] = {}
        self._untouched: dict[Ref, Ref] = {}
        self._again = {nodes[0].name: nodes for nodes in again} if training else {}
        self._unlike = seen.unlike(network.observed, batch)
        self._numbered, self._stops = seen.stops(network, batch, again=bool(self._again))
        constants = NONE if network.observed is None else network.observed.constants
        self._unshown = training and constants.unshown
        self._beside = Beside(constants, self.operations, self._values)
        ran = self._beside.in_order(network.nodes)
        self._order = network.nodes if self._again else as_seen_first(ran, network.observed)
        self._last = last_reads(network, self._order, {*network.inputs} if holds_inputs else set())
        self._graded = last_graded(network, self._order)
        if why := self._beside.unknown(training=training, again=bool(self._again), dtype=dtype, autocast=autocast):
            self.not_covered[network.name] = why
            self.operations.anyhow = True  # what code copies beside its layers lies as it likes

    def build(self) -> None:
        """Take the weights, and what is fed in."""
        ledger, observed = self.ledger, self.network.observed
        ledger.begin("build")
        self.weights = taken(self.network, ledger, self.dtype, training=self.training)
        tokens = {node.inputs[place].node for node in self.network.nodes for place in range(node.layer.tokens)}
        types = {**dict.fromkeys(tokens, "int64"), **types_of_inputs(self.network, self.dtype)}
        for name, shape in self.network.inputs.items():
            self._values[Ref(name)] = self._fed(Made(name, shape, types.get(name, ""), at=inputs_at(name, observed)))
        ledger.layer = ROW
        for ref in self.network.outputs if self.training and not (self._numbered or self._unlike) else ():
            target = target_of(self._loss, self.network.shape_of(ref), ref.node)
            if target is not None:
                self._targets[ref] = self._fed(target)
        ledger.layer = ""

    def _fed(self, made: Made) -> Value:
        """A tensor that whoever runs the network has."""
        size, layout = self.operations.bytes_of(made), Layout.of(self.operations.extents(made))
        return Value(self.ledger.take(size, "values"), size, layout, made.dtype or self.dtype, grad=False, at=made.at)

    def forward(self) -> None:
        """Run every layer; in training keep what the backward pass needs."""
        self.ledger.begin("forward")
        self._beside.begin()
        known = self._numbered <= self.network.by_name.keys() and not (self._numbered and self._again)
        for node in (nodes := iter(self._order if known else ())):
            group = self._again.get(node.name)
            if node.name in self._unlike:  # how much it makes of so many samples is not known
                self._numbered, self._stops = frozenset([node.name]), {self._called(node): self._unlike[node.name]}
                break
            if group is None:
                self._one(node)
                if node.name in self._numbered:  # how many samples are left after it is not known
                    break
            else:
                self._without_keeping(group)
            for _ in range(self._ahead(node) if group is None else len(group) - 1):
                next(nodes)
        self._casting.forget()
        if self._numbered:
            self.not_covered.update(self._stops)
        else:
            self._beside.until(None, self._copy)
            self._beside.ended()
        self.outputs = [self._values[ref] for ref in self.network.outputs if ref in self._values]
        # All results of a layer are there until the pass is over, and then those that it gives.
        over = [ref for ref in self._values if ref.node not in self.network.inputs and ref not in self.network.outputs]
        for ref in over:
            self.operations.let_go(self._values.pop(ref))

    def _ahead(self, node: Node) -> int:  # noqa: ARG002 - see `Fullest`
        """How many layers after one need not run."""
        return 0

    def surely_forward(self) -> None:
        """Run the layers that surely run: none where nothing shows which do while training."""
        if self._unshown:
            self.ledger.begin("forward")
        else:
            self.forward()

    def start(self) -> Pending:
        """The losses of the outputs, and the gradients that the backward pass starts from: of the losses' size."""
        self.ledger.begin("start")
        self.ledger.layer = ROW
        pending: Pending = {}
        self._losses = [
            self._loss_of(ref) for ref in self.network.outputs if ref in self._values and self._values[ref].grad
        ]
        self._casting.forget()
        for value in self._losses:
            gradient = Gradient(self.ledger.take(value.size, "passing"), value.layout.like())
            for block in self.passing.arrive(pending, value, gradient):
                self.ledger.drop(block)
        self.ledger.done()
        return pending

    def _loss_of(self, ref: Ref) -> Value:
        """What the backward pass starts from for an output."""
        output = self._values[ref]
        steps = steps_of(self._loss, self.network.shape_of(ref))
        if not steps:
            return self.operations.name(output)
        local = {OUTPUT: output}
        if ref in self._targets:
            local[TARGET] = self._targets[ref]
        self._series.run(ROW, [*steps], local, {*local, LOSS})
        return local[LOSS]

    def backward(self, pending: Pending) -> None:
        """Run every step's backward pass, the last first."""
        self.ledger.begin("backward")
        # Whoever asked for the backward pass still has what it started from.
        started = [self.ledger.share(gradient.block) for gradient in pending.values()]
        while self._series.tape:
            ran = self._series.tape.pop()
            group = ran.again
            if group is not None and not group.over and any(value in pending for value in ran.made):
                self.ledger.done()
                self._run_again(group)
            if ran.layer != self.ledger.layer:
                self.ledger.done()
            self.ledger.layer = ran.layer
            self.passing.back(ran, pending)
        self.ledger.done()
        for block in started:
            self.ledger.drop(block)
        why = otherwise(self.network, self.weights, self.passing.gradients)
        if why and not self.not_covered:
            self.not_covered[self.network.name] = why

    def let_go(self) -> None:
        """The outputs and losses are read no more."""
        for value in self._losses:
            self.operations.let_go(value)
        for ref in [ref for ref in self._values if ref.node in {each.node for each in self.network.outputs}]:
            self.operations.let_go(self._values.pop(ref))
        self._beside.over()

    @property
    def stopped(self) -> bool:
        """Whether it stopped where its code takes samples by their numbers, with layers left that have not run."""
        return bool(self._numbered)

    def trained(self) -> list[int]:
        """Bytes of the weight tensors that are surely trained, in the order in which an optimizer goes through them."""
        return [] if self._unshown else trained(self.network, self.weights, self.dtype)

    def _called(self, node: Node) -> str:
        return self._layers.get(node.name, node.name) if self._by_node else node.row

    def _one(self, node: Node) -> None:
        """Run a layer, and let go what nothing reads after it."""
        self.ledger.layer = self._called(node)
        before = len(self._series.tape)
        with self._beside.around(node, self._copy):
            self._run(node)
            self._beside.keep(node, self._series.tape[before:])
        done = self._put_in_order(node, self._last.get(node.name, ()))
        self.meanwhile.ran(self._layers.get(node.name, node.name), self.ledger.most, self.ledger.held)
        self.ledger.done()
        for ref in self._graded.get(node.name, ()):
            value, self._values[ref] = self._values[ref], self.operations.apart(self._values[ref])
            self.operations.let_go(value)
        self._done_with(done)

    def _done_with(self, refs: Sequence[Ref]) -> None:
        """Let go what nothing reads any more."""
        group = self.operations.second_time
        for ref in refs:
            # What runs again has no more of what is outside than what it reads, and that until it is over.
            if not self._beside.copied(ref) and (group is None or ref in self._values.keys() - group.given.keys()):
                self.operations.let_go(self._values.pop(ref))

    def _put_in_order(self, node: Node, done: Sequence[Ref]) -> Sequence[Ref]:
        """A module's code may put what it made in the order of its axes, a copy where it is not; what it still has."""
        for ref, (stand, had) in seen.put_in_order(node, self.network.observed):
            self._done_with([each for each in done if each not in had])
            done = [each for each in done if each in had]
            if (turn := facing(self._values[ref], stand)) is not None:
                self._become(ref, turn)
            if not self._values[ref].layout.in_order:
                self._become(ref, Step("contiguous", ("as made",), (Made("copy", ()),), views=True, lined=True))
            self._values[ref].at = stand
        return done

    def _copy(self, value: Value, function: str) -> Value:
        """Copy a value, as a module's code does by a function; see `Beside`."""
        passes = ("as made",) if function in COPIED_ON else ()
        made = self._made_of(value, Step("clone", ("as made",), (Made("copy", (), like="as made"),), passes=passes))
        if function in IN_ORDER and not made.layout.channels_last:
            made.layout = Layout.of(made.layout.shape)
        return made

    def _become(self, ref: Ref, step: Step) -> None:
        """A value is from now on what a step makes of it."""
        value, self._values[ref] = self._values[ref], self._made_of(self._values[ref], step)
        self.operations.let_go(value)

    def _made_of(self, value: Value, step: Step) -> Value:
        local = {"as made": value}
        self._series.run(self.ledger.layer, [step], local, {"as made", "copy"})
        local["copy"].at = value.at
        return local["copy"]

    def _without_keeping(self, nodes: Sequence[Node]) -> None:
        """Run a group that keeps nothing but what it reads; note that it runs again."""
        inside = {node.name for node in nodes}
        read = dict.fromkeys(ref for node in nodes for ref in node.inputs if ref.node not in inside)
        group = Again(nodes, {ref: self._values[ref] for ref in read})
        for value in group.given.values():
            self.ledger.save(value.block)
        self.operations.first_time = group
        for node in nodes:
            self._one(node)
        self.operations.first_time = None
        if not group.left:
            self.operations.let_go_given(group)

    def _run_again(self, group: Again) -> None:
        """Run a group once more, until all is there that its backward pass needs, and let go of the rest."""
        group.over = True
        outside, standing = self._values, self.ledger.standing()
        self._values = group.given_again()
        self.operations.second_time = group
        with suppress(StopsEarly):
            for node in group.nodes:
                self._one(node)
        self.operations.second_time = None
        self._casting.forget()
        self.ledger.back_to(standing)
        self._values = outside

    def _run(self, node: Node) -> None:
        if Ref(node.name) in self._values:  # one operation has made it with another node
            return
        facts = self.network.facts[node.name]
        inputs = [self._untouched.get(ref, ref) for ref in node.inputs]
        if len({*inputs}) < len(inputs):
            facts = facts.replace(alike=tuple(map(inputs.index, inputs)))
        observed = self.network.observed
        once = observed is not None and node.name in observed.for_all
        read = [self._beside.read(node, ref) or self._read(ref, once=once) for ref in node.inputs]
        steps, why = self._steps_of(node, facts, read[0].dtype if read else self.dtype), ""
        apart = [] if observed is None else [*observed.apart.get(node.name, ())]
        for place in apart:
            read[place] = self.operations.apart(read[place])
        if observed is not None and node.name in observed.over_views:
            read[0].seen = True
        # A batch of one has once what it has for each sample, with an axis for it.
        once = once and not (self.batch == 1 and any(seen.parts_of_parameters(read)))
        if observed is not None:
            steps, why = seen.as_seen(node, facts, steps, observed, training=self.training, batch=self.batch)
            why = why or seen.unfollowed(node, steps or (), read, self.network, once=once, training=self.training)
        once = once or why == seen.ONE_OF_ROWS
        why = why or seen.lying_otherwise(node, steps or (), read)
        unknown = steps is None or bool(why)
        if steps is None or why:
            if not self._beside.has(node):
                why = why or node.layer.varies or f"no rule says what a {node.layer.type} keeps"
                self.not_covered.setdefault(self._called(node), why)
            steps = steps if steps and all(step.views for step in steps) else seen.at_least(node, facts, observed)
        elif self.training and (short := seen.written_over(steps, read, self.ledger)):
            self.not_covered.setdefault(self._called(node), short)
        if self._beside.has(node) or (unknown and seen.is_held(node, self.network)):
            self._values.update(self._beside.had(node, seen.made_by(node, facts, observed), steps[-1].makes[0], facts))
            return
        if steps[0].op == UNTOUCHED:
            self._untouched[Ref(node.name)] = inputs[0]
        steps = seen.alone(steps, read) if once else steps
        steps, stand, at = placed(node, facts, steps, observed)
        stays = [stood(*each, observed) for each in zip(node.inputs, stand, strict=True)]
        turns = {place: turn for place, each in enumerate(stand)
                 if (turn := facing(read[place], each, stood=stays[place])) is not None}  # fmt: skip
        turned = {input_name(place): self._made_of(read[place], turn) for place, turn in turns.items()}
        local = {**{input_name(place): value for place, value in enumerate(read)}, **turned}
        for weight, stated in zip(facts.weights, seen.stated(node, self.network), strict=True):
            local[weight.name] = local[stated] = self.weights[node.name, weight.name]
        if steps[0].reads == (TABLE,):
            local[TABLE] = self.weights[weight_behind(self.network, node)]
        refs = seen.made_by(node, facts, observed)
        given = {*local, *map(output_name, range(len(refs)))}
        recording, cut = self._series.recording, observed is not None and node.name in observed.cut
        self._series.recording = recording and not cut
        self._series.run(self._called(node), self._beside.begun(node, steps, local), local, given)
        self._series.recording = recording
        if self.operations.copied and self.training:
            self.not_covered.setdefault(self._called(node), seen.COPIED)
        self.operations.copied = False
        for place, ref in enumerate(refs):
            value = self._values[ref] = local[output_name(place)]
            if unknown:
                value.layout = Anyhow.of(value.layout.shape)
            if unknown and seen.is_part(node, facts, observed):
                self.operations.forget_block(value)
            value.grad = value.grad and not cut
            value.at = at
            if once:
                value.once = not value.seen or all(each.once for each in read)
                value.ahead = value.once and all(each.ahead for each in read)
        for value in (*turned.values(), *(read[place] for place in apart)):
            self.operations.let_go(value)

    def _read(self, ref: Ref, *, once: bool) -> Value:
        """What a node reads; what works on a parameter once for all samples reads that, not one for each of them."""
        node = self.network.by_name.get(ref.node) if once else None
        observed = self.network.observed
        if node is None or node.layer.type != "parameter" or (observed and ref.node in observed.constants.rows):
            return self._values[ref]
        return self.weights[ref.node, self.network.facts[ref.node].weights[0].name]

    def _steps_of(self, node: Node, facts: Facts, dtype: str) -> tuple[Step, ...] | None:
        """What a layer runs on values of a type; None where no rule says."""
        if (routing := node.layer.routing(facts)) is not None:
            rows = self.route(node, routing, self.batch * routing.positions)
            return None if rows is None else node.layer.routed(facts, rows)
        trains = getattr(self.network.observed, "steady", EMPTY).get(node.name, self.training)
        layer, facts = seen.described(node, facts, self.network.observed)
        return layer.runs_in(dtype, facts, training=trains)
