"""`Learned`: parameters that a network works on as values: class tokens, positions, queries, factors of a channel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archscope.errors import Rejects
from archscope.layers import TYPES, Layer, Shape
from archscope.network import Ref
from archscope.recognising.batches import LOST, moved
from archscope.recognising.call import Call
from archscope.recognising.calls import layers_of
from archscope.recognising.joining import JOINS, fitted, is_dense
from archscope.recognising.nodes import Nodes
from archscope.recognising.operations import Frame
from archscope.recognising.seen import Place, Seen
from archscope.recognising.signatures import SIGNATURES, bound, drops
from archscope.tracing.lookups import Lookups
from archscope.tracing.repeated import COPIES, REPEATS, Repeated
from archscope.tracing.roles import IN_ORDER
from archscope.tracing.strangers import tensors_in
from archscope.working import bare

_MOST: Final = 1 << 16
"""Rows of a table that are looked at one by one."""

_MOVES: Final = frozenset({"getitem", "narrow", "select", "permute", "transpose", "swapaxes", "t", "T", "mT"})
"""Functions that take some values of a parameter, or turn its axes."""

_WORKED: Final = frozenset({
    "add", "radd", "sub", "rsub", "mul", "rmul", "div", "truediv", "rtruediv", "neg", "exp", "square", "sqrt", "rsqrt",
    "reciprocal", "sigmoid", "tanh", "softplus", "relu",
})  # fmt: skip
"""Functions that make a value of each value of a parameter: the ``1 + w`` of a norm, the ``exp(a)`` of a decay."""


class _Step(NamedTuple):
    """How a constant was made of another one."""

    parent: Tensor
    name: str
    given: Mapping[str, Any]


class Learned:
    """Which constants are parameters seen in another way, and the layers that they are.

    Args:
        parameters: the module's parameters, by name.
        modules: its submodules, by path.
        nodes: where layers are kept.
        here: says where the code stands.
        known: the values of a constant, if they are known.
        fixed: those of a constant that is nobody's weight.
        repeats: where a function that may repeat a constant for each sample puts the batch axis, given its name and
            the shapes before and after.

    Attributes:
        repeated: nodes of parameters that the code repeats for every sample.
        copied: nodes of learned values of which the code makes copies for every sample, not by `repeat` in front, and
            where the samples stand there.
        placed: tensors that became nodes, and which.
        rows: those among them that are rows of a parameter, looked up by their numbers into memory of their own, and by
            what operation.
        worked: nodes that make a value of each of a parameter, once for all samples.
        seen_of: learned values that are seen in another shape, as no code sees them, and of which values they are.
        before: how many nodes there were when the code saw a parameter as its node does.
        chosen: nodes of parameters of which the code takes the one position of an axis.
        twice: nodes of parameters that the code repeats for every sample more than once.
        cast: nodes of parameters that the code has in another type.
        starts: tensors of zeros that states of a node begin with, and which.
        drops: whether the code drops values of constants, parameters among them, however it runs.
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        modules: Mapping[str, nn.Module],
        nodes: Nodes,
        here: Callable[[], Place],
        known: Callable[[Tensor], Tensor | None],
        fixed: Callable[[Tensor], Tensor | None],
        repeats: Callable[[str, Shape, Shape], int],
    ) -> None:
        self._known = known
        self._repeated = Repeated(repeats)
        self.copied: dict[str, int] = {}
        self._roots = {id(tensor): name for name, tensor in reversed([*parameters.items()])}
        self._parameters = parameters
        self._modules = modules
        self._nodes = nodes
        self._here = here
        self._steps: dict[int, _Step] = {}
        self._copies: set[int] = set()
        self.repeated: set[str] = set()
        self.placed: list[tuple[Tensor, Ref]] = []
        self.rows: dict[int, str] = {}
        self.spread, self.in_front = set[str](), set[str]()
        self.worked: set[str] = set()
        self._expanded: set[str] = set()
        self.seen_of: dict[Ref, Ref] = {}
        self.starts: list[tuple[Tensor, str]] = []
        self.drops = False
        self._kept: list[Tensor] = []
        self._ahead = False
        self._widened: set[int] = set()
        self._spread: dict[int, int] = {}
        self._spread_by: dict[str, int] = {}
        self.twice: set[str] = set()
        self._chosen: set[int] = set()
        self.chosen: set[str] = set()
        self._cast: set[int] = set()
        self.cast: set[str] = set()
        self._moments: dict[int, int] = {}
        self.before: dict[str, int] = {}
        self._refs: dict[str, tuple[Ref, Shape]] = {}
        self._made: dict[int, tuple[Ref, Shape]] = {}
        self._lookups = Lookups(lambda tensor: self._roots.get(id(tensor)), fixed)
        self._looked_up: dict[Layer | tuple[str, Layer], Ref] = {}

    def follow(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], given: list[Tensor],
               made: list[Tensor]) -> bool:  # fmt: skip
        """A call on constants made another one; whether it is positions by their numbers, counted from 0."""
        self.drops |= drops(name, args, kwargs)
        if len(made) != 1 or any(made[0] is each for each in given):
            if name == "contiguous":
                self._repeated.in_one_piece(made[0])
            return False
        (result,) = made
        if name == "embedding" and len(given) > 1 and id(given[1]) in self._roots:
            rows = self._rows(given[0])
            if rows is None:
                return self._lookups.follow(name, args, kwargs, given, result)
            self._keep(result)
            self._steps[id(result)] = _Step(given[1], "rows", {"rows": rows, "by": name})
            return True
        rows = self._indexed(args, given) if name == "getitem" else None
        if rows is not None:
            self._keep(result)
            self._steps[id(result)] = _Step(given[0], "rows", {"rows": rows, "by": "index"})
            return True
        if given:
            self._lookups.follow(name, args, kwargs, given, result)
            self._pass_on(name, args, kwargs, given[0], result)
        return False

    def _indexed(self, args: Sequence[Any], given: Sequence[Tensor]) -> list[int] | None:
        """The rows that ``table[places]`` takes, where they follow one another; None if it takes anything else."""
        if len(given) != 2 or len(args) != 2 or args[1] is not given[1] or id(given[0]) not in self._roots:
            return None
        table, places = given
        if table.dim() != 2 or places.is_floating_point() or places.dtype == torch.bool:
            return None
        rows = self._rows(places)
        return None if rows is None or _selected(rows, *table.shape) is None else rows

    def _rows(self, places: Tensor) -> list[int] | None:
        """The rows of a table that constant numbers select, the same for every sample; None if they are not known."""
        known = self._known(places) if places.dim() and places.numel() <= _MOST else None
        if known is None or not known.numel():
            return None
        samples = known.reshape(-1, known.shape[-1])
        return samples[0].tolist() if bool((samples == samples[0]).all()) else None

    def _pass_on(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], parent: Tensor, result: Tensor
    ) -> None:
        if id(parent) not in self._roots and id(parent) not in self._steps:
            return
        samples = self._repeated.call(name, parent, result, alike=name in IN_ORDER | _WORKED, moves=name in _MOVES,
                                      part=id(parent) in self._steps)  # fmt: skip
        all_of_it = name in IN_ORDER and samples * parent.numel() == result.numel()
        step = _Step(parent, name, bound(name, args, kwargs) if name in SIGNATURES else {})
        if all_of_it and id(parent) in self._roots:
            self._keep(result)
            self._roots[id(result)] = self._roots[id(parent)]
            index = args[1] if name == "getitem" and len(args) > 1 else None
            chosen = any(type(each) is int for each in (index if isinstance(index, tuple) else (index,)))
            if chosen or name == "select" or id(parent) in self._chosen:
                self._chosen.add(id(result))
            if result.dtype != parent.dtype or id(parent) in self._cast:
                self._cast.add(id(result))
            self._moments[id(result)] = len(self._nodes.nodes)
            # An axis that `expand` puts in front is, to autograd, one that it repeats.
            if id(parent) in self._widened or (name in REPEATS - COPIES and result.dim() > parent.dim()):
                self._widened.add(id(result))
            if name in REPEATS or id(parent) in self._spread:
                self._spread[id(result)] = self._spread.get(id(parent), id(result))
            if (name in COPIES or id(parent) in self._copies) and not self._repeated.copied(result):
                self._copies.add(id(result))
        elif all_of_it or (name in _MOVES | _WORKED and not tensors_in([args[1:], kwargs])):
            self._keep(result)
            self._steps[id(result)] = step
            after = self._after(step, result) if name in _MOVES else LOST
            self._repeated.put(result, after)
        if all_of_it and result.shape != parent.shape and self._repeated.has(parent):
            self._repeated.put(result, self._after(step, result))

    def _after(self, step: _Step, result: Tensor) -> int:
        """Where the axis for the batch is after a step."""
        before, place = tuple(step.parent.shape), self._repeated.place(step.parent)
        return moved(step.name, step.given, place, before, tuple(result.shape), before[place] if place >= 0 else 1)

    def _keep(self, tensor: Tensor) -> None:
        """Keep it, so that no other is given its address."""
        self._kept.append(tensor)

    def beside(self, call: Call, tensors: Sequence[Tensor]) -> dict[int, Ref]:
        """Nodes of learned values that a call takes beside others, by identity; none if one of them is no such value.

        Each is given the axes of the result, without the batch.
        """
        if call.name not in JOINS or is_dense(call):
            return {}
        found: dict[int, Ref] = {}
        for each in tensors:
            self._ahead = each.dim() == call.made.dim() and id(each) not in self._widened
            wanted = fitted(tuple(each.shape), call)
            if wanted is not None and call.name == "scaled_dot_product_attention":
                wanted = _without_ones(wanted)  # a mask stands at the end of the scores' axes
            ref = None if wanted is None else self._ref(each, wanted)
            if ref is None:
                return {}
            found[id(each)] = ref
        return found

    def is_bare(self, tensor: Tensor) -> bool:
        """Whether it is a parameter that no code has repeated, so that an operation beside others does so by itself."""
        return id(tensor) in self._roots and id(tensor) not in self._spread

    def alone(self, tensor: Tensor) -> tuple[Ref, int] | None:
        """The node of a learned value that a layer works on, and where its batch is; None if it is none."""
        place, self._ahead = self._repeated.place(tensor), False
        ref = self._ref(tensor, self._repeated.natural(tensor))
        return None if ref is None else (ref, place)

    def _ref(self, tensor: Tensor, wanted: Shape) -> Ref | None:
        ref = self._found(tensor, wanted)
        if ref is not None:
            self.placed.append((tensor, ref))
            if self._repeated.copied(tensor):
                self.copied[ref.node] = self._repeated.place(tensor)
        return ref

    def _found(self, tensor: Tensor, wanted: Shape) -> Ref | None:
        if 0 in wanted:  # no register tokens, say
            return None
        known = self._whole(tensor, wanted) if id(tensor) in self._roots else self._part(tensor) or self._scores(tensor)
        if known is None:
            return None
        ref, shape = known
        if shape == wanted:
            return ref
        if math.prod(shape) != math.prod(wanted):
            return None
        made = self._layer("reshape", (TYPES["reshape"](shape=list(wanted)),), (ref,), wanted)
        self.seen_of[made] = ref
        return made

    def _whole(self, tensor: Tensor, wanted: Shape) -> tuple[Ref, Shape] | None:
        name = self._roots[id(tensor)]
        if name not in self._refs:
            if name in self._nodes.owners or math.prod(wanted) != self._parameters[name].numel():
                return None
            try:
                layers = (TYPES["parameter"](shape=list(wanted)),)
            except Rejects:  # more values along an axis than any architecture has
                return None
            seen = Seen("parameter", self._place_of(name), (), (wanted,), Frame(), layers, frozenset([name]))
            ref = self._nodes.keep(seen)[0]
            self._refs[name] = (ref, wanted)
            self.before[ref.node] = self._moments.get(id(tensor), len(self._nodes.nodes))
            source = self._nodes.sources.get((ref.node, "weight"))
            if source is not None and (self._ahead or id(tensor) in self._chosen):
                self._nodes.sources[ref.node, "weight"] = source.replace(ahead=id(tensor) not in self._chosen)
            if id(tensor) in self._chosen:
                self.chosen.add(ref.node)
            if id(tensor) in self._cast:
                self.cast.add(ref.node)
            if id(tensor) in self._copies:
                self.repeated.add(self._refs[name][0].node)
        by = self._spread.get(id(tensor))
        if by is not None and self._spread_by.setdefault(name, by) != by:
            self.twice.add(self._refs[name][0].node)
        return self._refs[name]

    def _part(self, tensor: Tensor) -> tuple[Ref, Shape] | None:
        """A part of a parameter: the layers that take it."""
        if id(tensor) in self._made or id(tensor) not in self._steps:
            return self._made.get(id(tensor))
        step = self._steps[id(tensor)]
        ref = self._ref(step.parent, self._repeated.natural(step.parent))
        if ref is None:
            return None
        shape = self._repeated.natural(tensor)
        if step.name == "rows":
            rows, (held, width) = step.given["rows"], step.parent.shape
            shape = (len(rows), width)
            layers: tuple[Layer, ...] | None = _selected(rows, held, width)
        elif step.name in REPEATS:  # for each sample the same
            layers, shape = (), self._repeated.natural(step.parent)
        else:
            place = self._repeated.place(step.parent)
            after = self._after(step, tensor) if step.name not in ("narrow", *_WORKED) else place
            layers = layers_of(Call(step.name, step.given, [tensor], 1, place, after))
        if layers is None:
            return None
        made = ref if not layers else self._layer("slice" if step.name == "rows" else step.name, layers, (ref,), shape)
        self._made[id(tensor)] = (made, shape)
        if step.name == "rows":
            self.rows[id(tensor)] = step.given["by"]
        elif made == ref and (step.name in REPEATS or (tensor.dim() > len(shape) and tensor.shape[0] == 1)):
            (self.spread if step.name in REPEATS else self.in_front).add(made.node)
        return made, shape

    def _scores(self, tensor: Tensor) -> tuple[Ref, Shape] | None:
        """A bias by distance, a mask, or their sum."""
        if id(tensor) in self._made:
            return self._made[id(tensor)]
        parts = self._lookups.parts(tensor)
        if parts is not None:
            return self._sum(tensor, parts)
        found, mask = self._lookups.bias(tensor), self._lookups.mask(tensor)
        if found is None and mask is None:
            return None
        layer: Layer = found.layer if found is not None else mask  # type: ignore[assignment]
        shape = tuple(map(bare, layer.facts().output))
        key = layer if found is None else (found.name, layer)
        if key not in self._looked_up:
            name = "" if found is None else found.name
            place = self._place_of(name, only=True) if name else self._here()
            seen = Seen(layer.type, place, (), (shape,), Frame(), (layer,), frozenset([name] if name else []))
            self._looked_up[key] = self._nodes.keep(seen)[0]
        ref = self._looked_up[key]
        if found is not None:
            (self._expanded if self._lookups.expanded(tensor) else self.worked).add(ref.node)
        if found is not None and _without_ones(found.shape) != shape:  # the heads are last as yet
            ref, shape = self._layer("permute", (TYPES["permute"](dims=[1, 2, 0]),), (ref,), (*shape[1:], shape[0])), (
                *shape[1:], shape[0],
            )  # fmt: skip
        return ref, shape

    def _sum(self, tensor: Tensor, parts: tuple[Tensor, Tensor]) -> tuple[Ref, Shape] | None:
        shape = tuple(tensor.shape)
        aligned = [(1,) * (len(shape) - part.dim()) + tuple(part.shape) for part in parts]
        refs = [self._ref(part, each) for part, each in zip(parts, aligned, strict=True)]
        if None in refs:
            return None
        made = self._layer("add", (TYPES["add"](),), tuple(ref for ref in refs if ref is not None), shape)
        self._made[id(tensor)] = (made, shape)
        self._keep(tensor)
        return made, shape

    def _place_of(self, name: str, *, only: bool = False) -> Place:
        """Where a parameter stands: a table of vectors is its module, and so may be what a module has alone."""
        path, _, last = name.rpartition(".")
        module = self._modules.get(path)
        written = type(module).__module__ == nn.Embedding.__module__  # a part of an exported program is called so
        table = last == "weight" and (written or isinstance(module, nn.Embedding))
        whole = table or (only and path and module is not None and len([*module.parameters()]) == 1)
        return Place(path if whole else name, alone=True)

    def _layer(self, name: str, layers: tuple[Layer, ...], refs: tuple[Ref, ...], shape: Shape) -> Ref:
        made = self._nodes.keep(Seen(name, self._here(), refs, (shape,), Frame(), layers))[0]
        own = not any(ref.node in self.repeated | self._expanded for ref in refs)
        if any(ref.node in self._expanded for ref in refs):
            self._expanded.add(made.node)
        if (name in _WORKED and own) or any(ref.node in self.worked for ref in refs):
            self.worked.add(made.node)
        return made


def _selected(rows: Sequence[int], held: int, width: int) -> tuple[Layer, ...] | None:
    """Rows of a table that follow one another, or one of them again and again; None if they are others."""
    first, many = rows[0], len(rows)
    if many == held and list(rows) == list(range(held)):
        return ()
    if list(rows) == list(range(first, first + many)):
        return (TYPES["slice"](dim=0, start=first, end=first + many if first + many < held else None),)
    if len({*rows}) > 1:
        return None
    one = TYPES["slice"](dim=0, start=first, end=first + 1 if first + 1 < held else None)
    return (one, TYPES["expand"](size=[many, width]))


def _without_ones(shape: Shape) -> Shape:
    """A shape without axes of one value in front, as far as a mask needs them."""
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape
