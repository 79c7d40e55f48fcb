"""`Origins`: the row that a tensor comes from, whoever made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from torch import Tensor, nn

from archscope.network import Ref
from archscope.recognising.call import Call
from archscope.recognising.joining import JOINS, is_dense
from archscope.recognising.nodes import Nodes
from archscope.recognising.operations import Frame, Kind, Operation, Ran
from archscope.recognising.seen import ADDING, Adds, Place, Seen
from archscope.tracing.accounts import Accounts
from archscope.tracing.constants import filled, types_of
from archscope.tracing.learned import Learned
from archscope.tracing.ledger import Ledger
from archscope.tracing.samples import Samples
from archscope.tracing.standing import Standing
from archscope.tracing.values import Values

_WRITTEN: Final = "it was written into through another view of its memory"
_BESIDE: Final = "a thread made it that ran before the module did; how, and of which values, is not known"
_OVER: Final = "a thread wrote it that ran before the module did; how, and of which values, is not known"
_PICKLED: Final = "its values were pickled, or their memory was taken, and PyTorch made a tensor of that again"


class Origins:
    """Finds the row of a tensor, and makes one for a tensor whose maker was not followed.

    Args:
        values: what is known of tensors.
        samples: where their batch is.
        nodes: where rows are kept.
        accounts: the rows' operations.
        learned: parameters that are worked on as values.
        ledger: all that ran.
        state: the module's parameters and buffers, by name.
        at: says where the code stands.
        once: nodes whose results are there once for all samples.

    Attributes:
        others: threads that nobody follows.
        types: those of numbers that code may fill a layer with.
    """

    def __init__(
        self,
        values: Values,
        samples: Samples,
        nodes: Nodes,
        accounts: Accounts,
        learned: Learned,
        ledger: Ledger,
        state: Mapping[str, Tensor],
        at: Standing,
        once: set[str],
    ) -> None:
        self._left: tuple[tuple[Ref, str], ...] = ()
        self._entered: dict[int, tuple[Tensor, tuple[tuple[Ref, str], ...]]] = {}
        self._pickled: list[Tensor] = []
        self._values = values
        self._samples = samples
        self._nodes = nodes
        self._accounts = accounts
        self._learned = learned
        self._ledger = ledger
        self._state = state
        self.types = types_of(state.values())
        self._at = at
        self._once = once
        self.others = ledger.others

    def source(self, tensor: Tensor) -> Ref:
        """A row for a constant that something works on."""
        learned = self._learned.alone(tensor)
        if learned is not None:
            ref, place = learned
            self._values.made(tensor, ref)
            self._values.put(tensor, place)
        else:
            weights = self._values.weights(tensor)
            name = next((name for name, each in self._state.items() if each is tensor), "")
            kind = "parameter" if isinstance(tensor, nn.Parameter) else "buffer" if name else "constant"
            place_of_it = Place(name, alone=True) if name else self._at.here
            shape = self._samples.shape(tensor)
            alone = kind == "constant" and not weights and tensor.dim() == len(shape) + 1
            layer = filled(self._ledger.numbers.of(tensor), shape, self.types) if alone else None
            each = self._samples.has_each(tensor, matters=layer is not None)
            if layer is None:
                ref = self._nodes.source(kind, place_of_it, shape, weights)
            else:
                ref = self._nodes.keep(Seen(layer.type, place_of_it, (), (shape,), Frame(), (layer,)))[0]
                self._once.update(() if each else (ref.node,))
            self._values.made(tensor, ref)
            self._learned.placed.append((tensor, ref))
        self._accounts.reads(ref.node, tensor)
        return ref

    def begun(self, call: Call, tensors: Sequence[Tensor]) -> dict[int, Ref]:
        """Layers of constants of one number that a call takes beside values, by identity; none if one is no such."""
        if call.name not in JOINS or call.after != 0 or is_dense(call):
            return {}
        for each in tensors:
            shape = tuple(each.shape[1:])
            fits = each.dim() == call.made.dim() and not self._values.weights(each)
            if not fits or filled(self._ledger.numbers.of(each), shape, self.types) is None:
                return {}
            if not self._samples.has_each(each, matters=True):
                return {}
        return {id(each): self.source(each) for each in tensors}

    def adds(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Adds | None:
        """What a call adds to the product that it makes; None where it does not, or does so by other names."""
        if name not in ADDING:
            return None
        said = [args[place] if place < len(args) else kwargs.get(key) for place, key in enumerate(ADDING[name])]
        given = [each for each in said if isinstance(each, Tensor)]
        if len(given) < len(said):
            return None
        added, *sides = given
        weighs = any(self._is_weight(each) for each in sides)
        return Adds(self._values.ref(added), kwargs.get("beta", 1) != 0 and self._is_held(added), weighs)

    def roles(self, given: Mapping[str, Any]) -> dict[str, str]:
        """The weight that each argument of a call is; empty for a constant, which neither is one nor has any."""
        found: dict[str, str] = {}
        for key, each in given.items():
            if (held := self._values.held(each)) is not None:
                found[key] = held.name
            elif isinstance(each, Tensor) and self._values.ref(each) is None and not self._values.weights(each):
                found[key] = ""
        return found

    def _is_held(self, tensor: Tensor) -> bool:
        """Whether weights are in it that a module holds, and that are no row of their own."""
        return self._values.ref(tensor) is None and bool(self._values.weights(tensor) & self._nodes.held.keys())

    def _is_weight(self, tensor: Tensor) -> bool:
        ref = self._values.ref(tensor)
        return self._is_held(tensor) if ref is None else self._nodes.are_weights(ref)

    def of(self, tensor: Tensor) -> Ref | None:
        """The row that made a tensor; None if it is a constant."""
        if id(tensor) in self._entered:
            _, left = self._entered.pop(id(tensor))
            self._returned(tensor, left)
        if not self._values.known(tensor) and not self._values.found(tensor):
            if self._left:
                self._returned(tensor, self._left)
            elif self.others.made(tensor):
                refs = self._nodes.unread()
                self._from_outside(tensor, refs, "work of a thread that ran before", _BESIDE)
            else:
                return None
        if self.others.wrote(tensor):
            before = self._values.ref(tensor)
            refs = tuple(dict.fromkeys((*(() if before is None else (before,)), *self._nodes.unread())))
            self._from_outside(tensor, refs, "work of a thread that ran before", _OVER)
        writer = self._values.written(tensor)
        if writer is not None:
            before = self._values.ref(tensor)
            refs = (writer,) if before is None else (before, writer)
            seen = Seen("written", self._at.here, refs, (self._samples.shape(tensor),), Frame(), why=_WRITTEN)
            self._values.made(tensor, self._nodes.keep(seen)[0])
        return self._values.ref(tensor)

    def pickled(self, tensor: Tensor) -> None:
        """A tensor is pickled; it may come back."""
        self._pickled.append(tensor)

    def unpickled(self, tensor: Tensor) -> bool:
        """Know a tensor that was made of a pickled one, or around the memory of another; False if it was not.

        Of several of one form the first one comes back first.
        """
        alike = [each for each in self._pickled if (each.shape, each.dtype) == (tensor.shape, tensor.dtype)]
        before = alike[0] if alike else self._values.beside(tensor)
        if before is None:
            return False
        if len(alike) > 1:
            self._pickled = [each for each in self._pickled if each is not alike[0]]
        ref = self.of(before)
        if ref is None:
            self._values.same(tensor, before)
        else:
            seen = Seen("unpickled" if alike else "set", self._at.here, (ref,), (self._samples.shape(tensor),), Frame(),
                        why=_PICKLED)  # fmt: skip
            self._values.made(tensor, self._nodes.keep(seen)[0])
        place = self._values.place(before)
        if place is not None and before.shape == tensor.shape:
            self._values.put(tensor, place)
        return True

    def leave(self, refs: Iterable[Ref], way: str) -> None:
        """Values of rows become others than PyTorch's, in some way."""
        self._left = tuple(dict.fromkeys((*self._left, *((ref, way) for ref in refs))))

    def enter(self, tensor: Tensor) -> None:
        """Numbers become a tensor; if something reads it, they may be what values that left have become."""
        if self._left and tensor.numel():
            self._entered[id(tensor)] = tensor, self._left

    def _returned(self, tensor: Tensor, left: tuple[tuple[Ref, str], ...]) -> None:
        """A tensor came from outside after values had left: a row that says so."""
        ways = ", ".join(dict.fromkeys(way for _, way in left))
        why = f"values left PyTorch by `{ways}`, and whether this is made of them, and how, is not known"
        refs = tuple(dict.fromkeys(ref for ref, _ in left))
        ref = self._from_outside(tensor, refs, f"values left PyTorch by {ways}", why)
        # What comes back next may be made of the same values; it reads them through this row.
        rest = tuple(each for each in self._left if each not in left)
        self._left = (*dict.fromkeys((ref, way) for _, way in left), *rest)

    def _from_outside(self, tensor: Tensor, refs: tuple[Ref, ...], what: str, why: str) -> Ref:
        """A row for a tensor whose maker was not followed, with what it may be made of."""
        frame = Frame()
        frame.ran.append(Ran(Operation(what, Kind.UNKNOWN), None))
        self._ledger.every += frame.ran
        seen = Seen("outside", self._at.caller, refs, (self._samples.shape(tensor),), frame, why=why)
        (ref,) = self._nodes.keep(seen)
        self._values.made(tensor, ref)
        self._accounts.ran_for(ref.node, len(frame.ran), ())
        return ref
