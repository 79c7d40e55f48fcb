"""What was seen of a module that ran, or of a file that was read, beside its layers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from archscope.constants import NONE, Constants
from archscope.layers.base import Shape, Weight
from archscope.layers.operators import Ran
from archscope.record import EMPTY, Record

if TYPE_CHECKING:
    from archscope.layers import MultiheadAttention
    from archscope.network import Network, Ref


class Looked(Record):
    """A place where a module looked at values.

    Attributes:
        function: by what function of PyTorch's.
        path: the submodule that did; empty for the module itself.
        values: the first different ones, in short.
        times: how often it looked.
    """

    function: str
    path: str
    values: tuple[str, ...]
    times: int = 1


class Source(Record):
    """The weight of a module that was read which a weight of a layer is.

    Attributes:
        name: its name in the module.
        turned: whether its two axes are exchanged there.
        ahead: whether it has an axis of one value for the batch in front there, or its code gives it one.
    """

    name: str
    turned: bool = False
    ahead: bool = False


class Ordered(NamedTuple):
    """A value that a module's code puts in the order of its axes before anything reads it.

    Attributes:
        place: where the batch stands among these.
        had: what nodes made that the code had then.
    """

    place: int
    had: frozenset[Ref]


class Value(NamedTuple):
    """A value of a file.

    Attributes:
        name: what it is called there.
        batch: its axis of the batch; None where it has none, −1 where samples follow one another in the first.
    """

    name: str
    batch: int | None


class Entry(NamedTuple):
    """An input of a file: its name there, its extents with the batch, and which of them that is."""

    name: str
    shape: Shape
    batch: int = 0


class Places(NamedTuple):
    """Where the batch stands among the axes: −1 where it is the outer part of the first, None where there is none.

    ``reads`` is that of the values that a node reads, ``makes`` of those that it makes, or of an input.
    """

    reads: tuple[int | None, ...]
    makes: tuple[int | None, ...]


class Called(NamedTuple):
    """A call of a submodule.

    Attributes:
        path: the submodule.
        nodes: what ran, in order.
        whole: whether none of these became one with something that ran outside.
    """

    path: str
    nodes: tuple[str, ...]
    whole: bool = True


class Padded(NamedTuple):
    """Attention that is told which keys of a sample are padding.

    Attributes:
        layer: what it is without.
        numbers: whether it is told by numbers, which are added to scores, and not by yes and no.
    """

    layer: MultiheadAttention
    numbers: bool


class Observed(Record):
    """What was seen of a module that ran, beside its layers.

    Attributes:
        operations: how many of PyTorch's operations ran.
        ran: how many of them for each node, every one for exactly one.
        batch: the samples that ran at once; products are those of all of them.
        alone: whether it takes one sample, and has no batch.
        held: values of the module's parameters, as everybody counts them.
        frozen: those that are not trained.
        unused: parameters that nothing used in this forward pass.
        looked: where values decided what ran.
        zeros: whether they were those of inputs that nobody gave.
        sources: what each weight is in the module, by node and name, in the order of the module's parameters.
        lasts: the node that ran last while the module's code still had what a node made, by output of a node.
        in_place: nodes that put what they make in the place of their first input.
        over_views: those of them that do so through a view of it that is no node.
        built: whether what runs is a module that archscope builds of a file, as it does of a spec.
        elsewhere: those that write it over something that is no input of theirs, or not their first.
        lifts: nodes that make places they look up.
        hidden: attention that is given the mask which hides what comes later, and makes none.
        notes: nodes that give the places of the values that they give, too, as `max` over an axis does.
        padded: attention that is told which keys of a sample are padding.
        weighs: attention that gives its weights too, and whether it gives their mean over heads.
        unruled: nodes that hold something else than a layer of their type, and why.
        unruled_in_training: those that do while training alone, and why.
        steady: nodes that always run as while training, or never, whatever the phase.
        ordered: values that its code puts in the order of their axes before anything reads them.
        together: nodes that one operation makes at once, as `unbind` does, by the first; the rest see nothing again.
        repeated: parameters that the code repeats for every sample of the batch, so that each has a copy of its own.
        copied: what is made of parameters and copied for every sample in another way.
        buffers: bytes of tensors that it holds beside its parameters, and no layer has.
        pointed: how many of these are numbers in float32, which go along where the module is brought to another type.
        constants: tensors that no node makes, such as places of positions.
        types: PyTorch's names of the types of inputs that are not in float32.
        places: nodes and inputs where the batch does not stand in front everywhere.
        origin: where it was read from, and what is to be known of that, in sentences.
        values: what the outputs of nodes are called in the file, by node and place.
        given: its inputs in the file, with the batch.
        of_complex: multiply-accumulates of real numbers that products of complex ones are made of.
        written: the network as code writes it out, where several operations became a layer.
        within: what each node of that became.
        ran_alone: the operation of PyTorch that a node is, or those in a line.
        for_all: nodes whose results are there once for all samples.
        cut: nodes of which no gradient comes, as they run without.
        apart: which inputs of a node are handed on without their gradients.
        parted: values that the code hands on so, and the last node that ran while it had them with their gradients.
        before: the node that ran next after the code saw a parameter as one of values.
        folded: nodes that read samples that stand in the first axis with others.
        sees: nodes of which no operation is known, which only see what they read differently.
        numbered: nodes and inputs of whose samples the code takes some by their numbers.
        squeezed: those whose axis of the batch the code takes away, as it does of one sample alone.
        unlike: nodes of which nobody knows how much there is of another batch, and why.
        refuses: what the module raised of more samples than ran; empty if it runs of those.
        reached: the parameters that gradients come to while training, by name; None where that is all.
        training: the network as its code runs while training, where that is another one.
        calls: every call of a submodule that ran anything, those that hold others first.
    """

    operations: int
    batch: int
    held: int
    frozen: int
    unused: tuple[Weight, ...] = ()
    looked: tuple[Looked, ...] = ()
    zeros: bool = False
    ran: Mapping[str, int] = EMPTY
    sources: Mapping[tuple[str, str], Source] = MappingProxyType({})
    lasts: Mapping[Ref, str] = MappingProxyType({})
    in_place: frozenset[str] = frozenset()
    over_views: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    built: bool = False
    lifts: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    padded: Mapping[str, Padded] = EMPTY
    weighs: Mapping[str, bool] = EMPTY
    unruled: Mapping[str, str] = EMPTY
    unruled_in_training: Mapping[str, str] = EMPTY
    ordered: Mapping[Ref, Ordered] = MappingProxyType({})
    together: Mapping[str, tuple[str, ...]] = EMPTY
    repeated: frozenset[str] = frozenset()
    copied: frozenset[str] = frozenset()
    buffers: int = 0
    pointed: int = 0
    constants: Constants = NONE
    types: Mapping[str, str] = EMPTY
    origin: tuple[str, ...] = ()
    values: Mapping[tuple[str, int], Value] = MappingProxyType({})
    given: tuple[Entry, ...] = ()
    of_complex: int = 0
    written: Network | None = None
    within: Mapping[str, str] = EMPTY
    ran_alone: Mapping[str, Ran] = EMPTY
    for_all: frozenset[str] = frozenset()
    places: Mapping[str, Places] = MappingProxyType({})
    steady: Mapping[str, bool] = EMPTY
    cut: frozenset[str] = frozenset()
    apart: Mapping[str, tuple[int, ...]] = EMPTY
    parted: Mapping[Ref, str] = MappingProxyType({})
    before: Mapping[str, str] = EMPTY
    reached: frozenset[str] | None = None
    training: Network | None = None
    folded: frozenset[str] = frozenset()
    sees: frozenset[str] = frozenset()
    numbered: frozenset[str] = frozenset()
    squeezed: frozenset[str] = frozenset()
    unlike: Mapping[str, str] = EMPTY
    refuses: str = ""
    alone: bool = False
    calls: tuple[Called, ...] = ()

    def called_by(self, name: str) -> tuple[str, ...]:
        """The submodules that go by a name: itself or, as a list is never called, the outermost in it that are.

        >>> calls = Called("blocks.0", ("a",)), Called("blocks.0.norm", ("a",)), Called("blocks.1", ("b",))
        >>> seen = Observed(2, 1, 0, 0, calls=calls)
        >>> seen.called_by("blocks"), seen.called_by("blocks.0.norm"), seen.called_by("head")
        (('blocks.0', 'blocks.1'), ('blocks.0.norm',), ())
        """
        paths = dict.fromkeys(call.path for call in self.calls)
        if name in paths:
            return (name,)

        def outermost(path: str) -> bool:
            steps = path.split(".")
            return not any(".".join(steps[:depth]) in paths for depth in range(name.count(".") + 2, len(steps)))

        return tuple(path for path in paths if path.startswith(f"{name}.") and outermost(path))


__all__ = ["Called", "Entry", "Looked", "Observed", "Places", "Source", "Value"]
