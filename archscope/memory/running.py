"""Run the steps of a network's layers, forward and backward, and keep the ledger of what each holds.

What autograd does is followed: a value lives while somebody reads it or the backward pass needs it; a gradient
lives until what it came to has passed it on; what is saved goes when its layer's backward pass is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archscope.layers.base import Weight, values_in
from archscope.layers.steps import Made, Step, input_name, output_name
from archscope.memory.ledger import Ledger
from archscope.network import Network, Node
from archscope.precision import stored_bytes
from archscope.working import bare


class Value:
    """A tensor: the block it lies in, its bytes, whether a gradient goes to it, and whether its axes lie in order."""

    __slots__ = ("block", "grad", "lined", "size", "weight")

    def __init__(self, block: int, size: int, *, grad: bool, lined: bool = True, weight: bool = False) -> None:
        self.block, self.size, self.grad, self.lined, self.weight = block, size, grad, lined, weight


class Ran:
    """A step that ran, as the backward pass finds it."""

    __slots__ = ("layer", "made", "read", "saved", "step")

    def __init__(self, layer: str, step: Step, read: list[Value], made: list[Value], saved: list[int]) -> None:
        self.layer, self.step, self.read, self.made, self.saved = layer, step, read, made, saved


class Again:
    """Layers that run a second time in the backward pass: what they read from outside, and what others read of them."""

    __slots__ = ("given", "made", "nodes")

    def __init__(self, nodes: Sequence[Node], given: dict[str, list[Value]], made: dict[str, list[Value]]) -> None:
        self.nodes, self.given, self.made = nodes, given, made


class Run:
    """One network on a batch, in values of one type.

    Args:
        network: any network.
        batch: samples that run at once.
        dtype: PyTorch's name of the type of weights and values.
        training: whether it trains; it keeps nothing for a backward pass where it does not.
        again: groups whose layers keep nothing and run again in the backward pass, by the names of their nodes.
        adds_in_place: whether gradients that meet are added up where the first of them lies, as PyTorch does; a
            witness that watches operations makes them meet in a third tensor.
        holds_inputs: whether who called it holds what is fed in all the time; else it goes when it was read.
        watch: the moment at which the ledger notes who holds what.
    """

    def __init__(
        self,
        network: Network,
        batch: int,
        dtype: str,
        *,
        training: bool,
        again: Sequence[Sequence[Node]] = (),
        adds_in_place: bool = True,
        holds_inputs: bool = True,
        watch: int = -1,
    ) -> None:
        self.network, self.batch, self.dtype, self.training = network, batch, dtype, training
        self.adds_in_place = adds_in_place
        self.ledger = Ledger(watch)
        self.not_covered: dict[str, str] = {}
        self.weights: dict[tuple[str, str], Value] = {}
        self.gradients: dict[Value, int] = {}
        self.outputs: list[Value] = []
        self._values: dict[str, list[Value]] = {}
        self._tape: list[Ran | Again] = []
        self._last = _last_reads(network, {*network.inputs} if holds_inputs else set())
        self._again = {nodes[0].name: nodes for nodes in again} if training else {}
        self._recording = training

    def build(self) -> None:
        """Take the weights, and what is fed in."""
        ledger = self.ledger
        ledger.begin("build")
        for node in self.network.nodes:
            for weight in self.network.facts[node.name].weights:
                if node.shares is not None:
                    self.weights[node.name, weight.name] = self.weights[node.shares, weight.name]
                    continue
                ledger.layer = node.row
                size = self._weight_bytes(weight)
                block = ledger.take(size, "weights")
                self.weights[node.name, weight.name] = Value(
                    block, size, grad=self.training and weight.trainable, weight=True
                )
        ledger.layer = ""
        tokens = {node.inputs[place].node for node in self.network.nodes for place in range(node.layer.tokens)}
        for name, shape in self.network.inputs.items():
            size = self.bytes_of(Made(name, shape, "int64" if name in tokens else ""))
            self._values[name] = [Value(ledger.take(size, "values"), size, grad=False)]

    def forward(self) -> None:
        """Run every layer; in training keep what the backward pass needs."""
        self.ledger.begin("forward")
        nodes = iter(self.network.nodes)
        for node in nodes:
            group = self._again.get(node.name)
            if group is None:
                self._one(node)
                continue
            for _ in group[1:]:
                next(nodes)
            self._without_keeping(group)
        self.outputs = [self._values[ref.node][ref.output] for ref in self.network.outputs]

    def start(self) -> dict[Value, int]:
        """The gradients that the backward pass starts from, of the size of the outputs."""
        self.ledger.begin("start")
        self.ledger.layer = ""
        pending: dict[Value, int] = {}
        for value in self.outputs:
            self._arrive(pending, value, self.ledger.take(value.size, "passing"))
        self.ledger.done()
        return pending

    def backward(self, pending: dict[Value, int]) -> None:
        """Run every step's backward pass, the last first."""
        self.ledger.begin("backward")
        # Whoever asked for the backward pass still has what it started from.
        started = [self.ledger.share(block) for block in pending.values()]
        while self._tape:
            ran = self._tape.pop()
            if isinstance(ran, Again):
                self._run_again(ran, pending)
                continue
            if ran.layer != self.ledger.layer:
                self.ledger.done()
            self.ledger.layer = ran.layer
            self._back(ran, pending)
        self.ledger.done()
        for block in started:
            self.ledger.drop(block)

    def let_go(self) -> None:
        """The outputs are read no more."""
        for name in dict.fromkeys(ref.node for ref in self.network.outputs):
            for value in self._values.pop(name):
                self.ledger.drop(value.block)

    def bytes_of(self, made: Made) -> int:
        """Bytes of a tensor for the batch."""
        values = bare(values_in(made.shape)) * (self.batch if made.each else 1)
        return stored_bytes(values, made.dtype or self.dtype)

    def trained(self) -> list[int]:
        """Bytes of the weight tensors that are trained, in the order in which an optimizer goes through them."""
        once = {id(value): value for value in self.weights.values()}
        return [value.size for value in once.values() if value.grad]

    def _weight_bytes(self, weight: Weight) -> int:
        return stored_bytes(bare(weight.values), weight.dtype or self.dtype)

    def _one(self, node: Node) -> None:
        """Run a layer, and let go what nothing reads after it."""
        self.ledger.layer = node.row
        self._run(node)
        self.ledger.done()
        for name in self._last.get(node.name, ()):
            for value in self._values.pop(name):
                self.ledger.drop(value.block)

    def _without_keeping(self, nodes: Sequence[Node]) -> None:
        """Run a group that keeps nothing but what it reads; note that it runs again."""
        inside = {node.name for node in nodes}
        read = dict.fromkeys(ref.node for node in nodes for ref in node.inputs if ref.node not in inside)
        given = {name: self._values[name] for name in read}
        for values in given.values():
            for value in values:
                self.ledger.save(value.block)
        self._recording = False
        for node in nodes:
            self._one(node)
        self._recording = True
        made = {name: self._values[name] for name in inside if name in self._values}
        self._tape.append(Again(nodes, given, made))

    def _run_again(self, group: Again, pending: dict[Value, int]) -> None:
        """Run a group once more, now keeping what its backward pass needs, which comes next."""
        ledger, outside = self.ledger, self._values
        saved = [value.block for values in group.given.values() for value in values]
        # What it read is needed until its first layer is done.
        self._tape.append(Ran(group.nodes[0].row, Step("again", (), ()), [], [], saved))
        self._values = {name: list(values) for name, values in group.given.items()}
        for values in group.given.values():
            for value in values:
                ledger.share(value.block)
        for node in group.nodes:
            self._one(node)
        for name, before in group.made.items():
            for old, new in zip(before, self._values[name], strict=True):
                if old in pending:
                    pending[new] = pending.pop(old)
        for values in self._values.values():
            for value in values:
                ledger.drop(value.block)
        self._values = outside

    def _run(self, node: Node) -> None:
        facts = self.network.facts[node.name]
        steps = node.layer.runs(facts) if self.training else node.layer.runs_at_inference(facts)
        if steps is None:
            self.not_covered.setdefault(node.row, f"no rule says what a {node.layer.type} keeps")
            kept = tuple(input_name(place) for place in range(len(node.inputs)))
            made = tuple(Made(output_name(place), shape) for place, shape in enumerate(facts.outputs))
            steps = (Step(node.layer.type, kept, made),)
        if self.training and not node.inputs:
            why = "what the gradient of a learned value holds while it is summed up is not followed"
            self.not_covered.setdefault(node.row, why)
        local: dict[str, Value] = {}
        for place, ref in enumerate(node.inputs):
            local[input_name(place)] = self._values[ref.node][ref.output]
        given = set(local)
        for weight in facts.weights:
            local[weight.name] = self.weights[node.name, weight.name]
        given.update(local)
        last = {name: number for number, step in enumerate(steps) for name in (*step.reads, *step.reads_too)}
        for number, step in enumerate(steps):
            self._step(node, step, local)
            for name in [name for name in local if name not in given and not name.startswith("output")]:
                if last.get(name, -1) <= number:
                    self.ledger.drop(local.pop(name).block)
        self._values[node.name] = [local[output_name(place)] for place in range(len(facts.outputs))]

    def _step(self, node: Node, step: Step, local: dict[str, Value]) -> None:
        ledger = self.ledger
        read = [local[name] for name in step.reads]
        grad = any(value.grad for value in read)
        shares = step.views and (read[0].lined or not step.lined)
        lined = not step.turns and (step.lined or not read or read[0].lined)
        made = []
        for each in step.makes:
            size = self.bytes_of(each)
            block = ledger.share(read[0].block) if shares else ledger.take(size, "values")
            value = Value(block, size, grad=grad and not each.dtype, lined=lined)
            made.append(value)
            local[each.name] = value
        scratch = [ledger.take(self.bytes_of(each), "temporary") for each in step.beside]
        for block in scratch:
            ledger.drop(block)
        if not grad or not self._recording:
            return
        needed = [*step.saves, *(name for name, target in step.saves_for.items() if local[target].grad)]
        saved = [local[name].block for name in needed if not local[name].weight]
        for block in saved:
            ledger.save(block)
        self._tape.append(Ran(node.row, step, read, made, saved))

    def _back(self, ran: Ran, pending: dict[Value, int]) -> None:
        ledger, step = self.ledger, ran.step
        came = [pending.pop(value) for value in ran.made if value in pending]
        going: list[tuple[Value, int]] = []
        if came:
            whole: list[tuple[Value, int]] = []
            for name, value in zip(step.reads, ran.read, strict=True):
                if value.grad or step.every:
                    (whole if name in step.reduces else going).append((value, self._gradient(ran, name, value, came)))
            for block in [ledger.take(self.bytes_of(each), "temporary") for each in step.behind]:
                ledger.drop(block)
            for value, block in going:
                if not value.grad:
                    ledger.drop(block)
            # What was repeated along an axis gets the sum along it, once the operation is done.
            for value, block in whole:
                if value.grad:
                    going.append((value, ledger.take(value.size, "passing")))
                ledger.drop(block)
            for block in came:
                ledger.drop(block)
        for block in ran.saved:
            ledger.release(block)
        for value, block in going:
            if value.grad:
                self._arrive(pending, value, block)

    def _gradient(self, ran: Ran, name: str, value: Value, came: Sequence[int]) -> int:
        """The block of the gradient of one that was read, before it is summed along what was repeated."""
        made = ran.made[0]
        seen = ran.step.views and made.size == value.size and made.block == value.block
        if len(came) == 1 and (name in ran.step.passes or seen):
            return self.ledger.share(came[0])
        return self.ledger.take(made.size if name in ran.step.reduces else value.size, "passing")

    def _arrive(self, pending: dict[Value, int], value: Value, block: int) -> None:
        """A gradient comes to a value, or to a weight, where it stays."""
        where = self.gradients if value.weight else pending
        before = where.get(value)
        if before is None:
            where[value] = block
        elif self.adds_in_place and not self.ledger.shared(before):
            self.ledger.drop(block)
        else:
            where[value] = self.ledger.take(value.size, "passing")
            self.ledger.drop(before)
            self.ledger.drop(block)
        if value.weight:
            self.ledger.rename(where[value], "gradients")


def _last_reads(network: Network, held: set[str]) -> Mapping[str, tuple[str, ...]]:
    """By the name of a node, the nodes and inputs whose values nothing reads after it; those held are left out."""
    last = {node.name: node.name for node in network.nodes}
    for node in network.nodes:
        for ref in node.inputs:
            last[ref.node] = node.name
    kept = {*held, *(ref.node for ref in network.outputs)}
    done: dict[str, list[str]] = {}
    for name, reader in last.items():
        if name not in kept:
            done.setdefault(reader, []).append(name)
    return {reader: tuple(names) for reader, names in done.items()}
