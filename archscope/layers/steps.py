"""`Step`: one operation of PyTorch that a layer runs, with what it makes, keeps and holds meanwhile.

What a layer holds in memory follows from its steps, in the order in which PyTorch runs them. LeCun's squashing
function is three: ``slope · a``, ``tanh`` of it, and ``amplitude ·`` that; only the second keeps something for the
backward pass, and each holds what it reads and what it makes.

Tensors of a layer go by name: ``input``, ``input 2``, the names of its weights, what its steps make, ``output``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from archscope.record import EMPTY, Record

WIDE = "float32"
"""The type in which PyTorch works out sums of values of fewer bits."""

INDEX = "int64"
"""The type in which PyTorch notes positions."""

TABLE = "table"
"""What steps call a parameter of another layer whose rows they look up."""

ROWS = "rows"
"""What steps call rows looked up once for all samples, which operations repeat for each by themselves."""

LIFT = "lift"
"""What steps call the making of numbers that the code of a module has itself, and archscope's own makes inside."""

MASK = "bool"
"""The type in which PyTorch notes yes and no."""


UNTOUCHED = "dropout"
"""What dropout does that drops nothing: it gives the very tensor that it was given."""


class Made(Record):
    """A tensor that a step makes.

    Attributes:
        name: what later steps of the layer call it.
        shape: its extents without the batch.
        dtype: PyTorch's name of its type; that of the network's values if empty.
        each: whether there is one for every sample of the batch; batch normalization's statistics are for all.
        at: where the axis of the batch stands among the others.
        folded: whether the batch multiplies the axis at that place instead of having one of its own.
        like: a tensor that it is as large as, and lies in memory as.
        typed: a tensor whose type it has, where that is not the type of what it is made of.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = ""
    each: bool = True
    at: int = 0
    folded: bool = False
    like: str = ""
    typed: str = ""


class Step(Record):
    """One operation of PyTorch.

    Attributes:
        op: PyTorch's name for it.
        reads: the tensors it reads that a gradient goes back to.
        makes: what it makes; a gradient comes in for the first.
        saves: what the backward pass needs of what it read and made.
        saves_for: what it saves only for the gradient of another tensor that it read.
        views: whether it only sees the first tensor it reads differently, and so its gradient.
        passes: tensors it reads whose gradient lies in the memory of the one that came.
        reduces: tensors it repeats along an axis: their gradient comes out whole and is summed after.
        every: whether its backward pass makes the gradients of all it read, wanted or not.
        turns: the axes in their new order, the batch counted, where it only exchanges them.
        same: whether it is none: the tensor goes by another name.
        takes: the axis of which it takes one position, the batch counted.
        sums: the axes that it sums, the batch counted: each value of the gradient that comes is read for all of them.
        apart: how far apart the positions are that it takes of an axis.
        merges: whether it sees the samples in one axis with what stands next to them.
        splits: whether it sees them in one of their own, and they stood in one with that.
        lined: whether it copies values that do not lie in the order of their axes, and changes nothing else.
        lies: in which order the axes of the gradients that it makes lie in memory.
        unlined: what runs instead where the first tensor it reads does not lie in the order of its axes.
        parts: what it runs, where it is not one operation to autograd; it makes nothing itself.
        inside: whether another operation runs it, so that autocast does not see it.
        learned: a tensor, and what runs instead where a gradient goes to it.
        rows: whether it reads and makes rows: a gradient that cannot be seen so is copied first.
        in_place: whether its result takes the place of the first tensor that it reads.
        in_place_unless_tracked: the same, but where a tracker watches: there PyTorch makes another tensor.
        sliced: whether its backward pass copies the gradient where that tensor is seen of another: `CopySlices`.
        beside: what it holds while it runs, beyond what it reads and makes.
        behind: what its backward pass holds, beyond the gradients that come and go.
        reads_too: tensors it reads that no gradient goes back to.
        needed_for: a tensor without whose gradient it does not run.
    """

    op: str
    reads: tuple[str, ...]
    makes: tuple[Made, ...]
    saves: tuple[str, ...] = ()
    saves_for: Mapping[str, str] = EMPTY
    views: bool = False
    passes: tuple[str, ...] = ()
    reduces: tuple[str, ...] = ()
    every: bool = False
    turns: tuple[int, ...] = ()
    same: bool = False
    takes: int | None = None
    sums: tuple[int, ...] = ()
    apart: int = 1
    merges: bool = False
    splits: bool = False
    lined: bool = False
    lies: tuple[int, ...] = ()
    unlined: tuple[Any, ...] = ()
    parts: tuple[Any, ...] = ()
    inside: bool = False
    learned: tuple[Any, ...] = ()
    rows: bool = False
    in_place: bool = False
    in_place_unless_tracked: bool = False
    sliced: bool = False
    beside: tuple[Made, ...] = ()
    behind: tuple[Made, ...] = ()
    reads_too: tuple[str, ...] = ()
    needed_for: str = ""


class Routing(Record):
    """How values share positions out among the parts of a layer.

    Attributes:
        parts: how many parts there are, such as experts.
        chosen: how many of them a position chooses, each once.
        positions: positions of one sample.
    """

    parts: int
    chosen: int
    positions: int


class Hidden(Record):
    """What a mask hides from a query.

    Attributes:
        later: whether it hides what comes later.
        window: of how many of the last keys it shows any; None for all.
    """

    later: bool
    window: int | None = None


class Remembered(Record):
    """What a layer holds from one token to the next, in values of one sample.

    Attributes:
        each: values for every token that it has seen; with their working.
        once: values however long the sequence is: a state, or keys and values of another sequence.
        apart: values that are held once if its second input does not go by what its first does, and not at all if so.
        masked: values for every token if the mask that it reads last hides what comes later.
        unknown: why no rule says what it holds.
    """

    each: int = 0
    once: int = 0
    apart: int = 0
    masked: int = 0
    unknown: str = ""


def input_name(position: int) -> str:
    """What steps call an input, counted from 0.

    >>> input_name(0), input_name(1)
    ('input', 'input 2')
    """
    return "input" if position == 0 else f"input {position + 1}"


def output_name(position: int) -> str:
    """What steps call an output, counted from 0."""
    return "output" if position == 0 else f"output {position + 1}"


def like(shape: tuple[int, ...], times: int, dtype: str = "", *, each: bool = True) -> tuple[Made, ...]:
    """Some tensors of one shape that nobody calls by name."""
    return tuple(Made(f"scratch {number}", shape, dtype, each=each) for number in range(times))


def chain(*steps: tuple[str, str], shape: tuple[int, ...]) -> tuple[Step, ...]:
    """Operations one after the other on values of one shape, each with what it saves: ``("tanh", "output")``."""
    came = "input"
    ran: list[Step] = []
    for number, (op, saves) in enumerate(steps, start=1):
        made = "output" if number == len(steps) else f"{op} {number}"
        kept = () if not saves else (came,) if saves == "input" else (made,)
        ran.append(Step(op, (came,), (Made(made, shape),), kept))
        came = made
    return tuple(ran)


def one_operation(layer: Any, facts: Any) -> tuple[Step, ...] | None:
    """The step of a layer that is one operation of PyTorch.

    ``layer.kept`` names what its backward pass needs, ``input``, ``output``, neither or both; None where no rule says.
    ``layer.backward_copies`` is how many tensors like the output that backward pass holds meanwhile. A layer that
    shares its input's memory only sees it differently.
    """
    made = tuple(Made(output_name(place), shape) for place, shape in enumerate(facts.outputs))
    if layer.shares_memory:
        return (Step(layer.type, ("input",), made, views=True),)
    if layer.kept is None:
        return None
    read = tuple(input_name(place) for place in range(layer.tokens, len(facts.inputs)))
    weights = tuple(weight.name for weight in facts.weights if weight.trainable)
    tokens = tuple(input_name(place) for place in range(layer.tokens))
    behind = like(facts.output, layer.backward_copies)
    return (Step(layer.type, (*read, *weights), made, layer.kept, behind=behind, reads_too=tokens),)


def put_in_place(steps: tuple[Step, ...], kept: tuple[str, ...] | None) -> tuple[Step, ...] | None:
    """The steps of a layer whose output takes the place of its input; None where no rule says so.

    ``kept`` is what the last one saves then, where that is another than otherwise.

    >>> plain = Step("relu", ("input",), (Made("output", (3,)),), ("output",))
    >>> put_in_place((plain,), None)[0].in_place
    True
    """
    last = steps[-1]
    if last.views:
        return steps
    if last.in_place or last.reads[:1] != ("input",) or [made.name for made in last.makes] != ["output"]:
        return None
    return (*steps[:-1], last.replace(in_place=True, sliced=True, saves=last.saves if kept is None else kept))


def divided(first: str, second: str, shape: tuple[int, ...], reduces: tuple[str, ...] = ()) -> Step:
    """The first over the second; the gradient of the second takes a product of three."""
    return Step("div", (first, second), (Made("output", shape),), (second,), {first: second}, reduces=reduces,
                behind=like(shape, 2))  # fmt: skip


def added(first: str, second: str, shape: tuple[int, ...], reduces: tuple[str, ...] = ()) -> Step:
    """The sum of two: the gradient goes on to both."""
    return Step("add", (first, second), (Made("output", shape),), passes=(first, second), reduces=reduces)


def subtracted(first: str, second: str, shape: tuple[int, ...], reduces: tuple[str, ...] = ()) -> Step:
    """The first less the second, whose gradient is the negative."""
    return Step("sub", (first, second), (Made("output", shape),), passes=(first,), reduces=reduces)


def multiplied(first: str, second: str, shape: tuple[int, ...], reduces: tuple[str, ...] = ()) -> Step:
    """The product of two: each is kept for the gradient of the other."""
    return Step("mul", (first, second), (Made("output", shape),), saves_for={first: second, second: first},
                reduces=reduces)  # fmt: skip


def repeated(name: str, shape: tuple[int, ...]) -> tuple[Step, ...]:
    """A copy for every sample; the gradient is their sum, or the one that came where there is one sample."""
    return (Step("repeat", (name,), (Made("output", shape),), passes=(name,), reduces=(name,)),)


def looked_up(op: str, shape: tuple[int, ...], *, each: bool, spread: bool = False) -> tuple[Step, ...]:
    """Rows of a table by their numbers, which are the same for every sample, in memory of their own; or of each.

    ``spread`` says that code repeats them for every sample, and not each operation that reads them.
    """
    if each:
        return (Step(op, (TABLE,), (Made("output", shape),)),)
    rows = "rows of all" if spread else ROWS
    return (Step(op, (TABLE,), (Made(rows, shape, each=False),)),
            Step("expand", (rows,), (Made("output", shape),), views=True))  # fmt: skip


def not_lifted(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps of a layer in a module of somebody's own, whose code has its places and masks already."""
    there = {made.name for step in steps if step.op == LIFT for made in step.makes}
    return tuple(step.replace(saves=tuple(name for name in step.saves if name not in there),
                              reads_too=tuple(name for name in step.reads_too if name not in there))
                 for step in steps if step.op != LIFT) if there else steps  # fmt: skip


def largest(name: str, shape: tuple[int, ...], output: tuple[int, ...]) -> Step:
    """The largest values along axes; the gradient is shared among all that are as large."""
    behind = (Made("which", shape, MASK), Made("how many", output, INDEX), Made("share", output))
    return Step("amax", (name,), (Made("output", output),), (name, "output"), behind=behind)


NOTES: Final = "values and their places"
"""An operation that gives both; see `noting`."""


def noting(facts: Any) -> tuple[Step, ...]:
    """Values, and their places; backward they are put into zeros there."""
    places = output_name(1)
    made = (Made(output_name(0), facts.output), Made(places, facts.output, INDEX))
    return (Step(NOTES, (input_name(0),), made, (places,)),)


def extreme(first: str, second: str, shape: tuple[int, ...], reduces: tuple[str, ...] = ()) -> Step:
    """The larger or smaller of two; where they are equal, each gets half of the gradient."""
    behind = (Made("equal", shape, MASK), Made("half", shape), Made("less", shape, MASK))
    return Step("maximum", (first, second), (Made("output", shape),), (first, second), reduces=reduces, behind=behind)


def padded_first(step: Step, padded: tuple[int, ...] | None, shape: tuple[int, ...]) -> tuple[Step, ...]:
    """A step that reads ``input``, after a padding of its own where there is one."""
    if padded is None or padded == shape:
        return (step,)
    named = {"input": "padded"}
    after = step.replace(
        reads=tuple(named.get(name, name) for name in step.reads),
        saves=tuple(named.get(name, name) for name in step.saves),
    )
    return (Step("pad", ("input",), (Made("padded", padded),)), after)


def oddly_padded(steps: tuple[Step, ...], shape: tuple[int, ...]) -> tuple[Step, ...]:
    """A convolution padded to the same extents as PyTorch's own pads: before it only the odd zero of an axis."""
    first, *after = steps
    if first.op != "pad" or not after or after[0].op != "convolution":
        return steps
    odd = (
        shape[0],
        *(less + (more - less) % 2 for less, more in zip(shape[1:], first.makes[0].shape[1:], strict=True)),
    )
    if odd != shape:
        return (first.replace(makes=(first.makes[0].replace(shape=odd),)), *after)
    step = after[0]
    reads, saves = (tuple("input" if name == "padded" else name for name in each) for each in (step.reads, step.saves))
    return (step.replace(reads=reads, saves=saves), *after[1:])


def untouched(facts: Any) -> tuple[Step, ...]:
    """Dropout at inference: what comes goes on."""
    return (Step(UNTOUCHED, ("input",), (Made("output", facts.output),), views=True),)


def dropped(facts: Any, p: float, mask: tuple[int, ...]) -> tuple[Step, ...]:
    """Dropout with a mask of some shape: a value of the network's type for each place."""
    made = (Made("output", facts.output),)
    if p == 0:
        return untouched(facts)
    if p == 1:
        zero = Step("zeros", (), (Made("noise", (), typed="input", each=False),))
        return (zero, Step("mul", ("input",), made, ("noise",), reads_too=("noise",)))
    # A mask for every value lies as the values do.
    noise = Made("noise", mask, typed="input", like="input" if mask == facts.output else "")
    return (
        Step("bernoulli", (), (noise,)),
        Step("mul", ("input",), made, ("noise",), reads_too=("noise",)),
    )


def dropped_out(name: str, output: str, made: Made) -> list[Step]:
    """Dropout of a tensor by name, with a mask of its shape; ``made`` says of which."""
    noise = made.replace(name=f"noise of {name}", typed=name)
    return [
        Step("bernoulli", (), (noise,), reads_too=(name,)),
        Step("mul", (name,), (made.replace(name=output),), (noise.name,), reads_too=(noise.name,)),
    ]


def halved(facts: Any, op: str, saves: str) -> tuple[Step, ...]:
    """The first half of the input times a function of the second, which saves ``gate`` or ``opened``."""
    shape = facts.output
    return (
        Step("split", ("input",), (Made("value", shape), Made("gate", shape)), views=True),
        Step(op, ("gate",), (Made("opened", shape),), (saves,)),
        multiplied("value", "opened", shape).replace(reads_too=("gate",)),
    )


def copied_linear(name: str, weight: str, bias: str, made: Made) -> Step:
    """A dense layer over three axes: in one operation where the values lie in order, else on a copy of them."""
    flat = Made(f"{name} in order", ())
    whole = Step("linear", (name, weight, bias) if bias else (name, weight), (made,), (name,), rows=True)
    copy = Step("clone", (name,), (flat,), views=True, lined=True)
    if not bias:
        return whole.replace(unlined=(copy, Step("mm", (flat.name, weight), (made,), (flat.name,), rows=True)))
    product = made.replace(name=f"{made.name} without bias")
    adds = added(product.name, bias, (), (bias,)).replace(makes=(made,), in_place_unless_tracked=True)
    return whole.replace(unlined=(copy, Step("mm", (flat.name, weight), (product,), (flat.name,), rows=True), adds))
