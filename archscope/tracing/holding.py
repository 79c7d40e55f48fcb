"""`Holding`: what a run shows of memory: who works in place, who holds more than its type does, what no node makes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import torch
import torch.utils.checkpoint
from torch import Tensor, nn

from archscope.constants import CASTS
from archscope.layers import Layer, MultiheadAttention
from archscope.layers.operators import Ran
from archscope.network import Node, Ref
from archscope.observed import Ordered, Padded, Places
from archscope.recognising import einsums
from archscope.recognising.batches import APART, LOST, WITHOUT
from archscope.recognising.call import Call
from archscope.recognising.operations import Frame, base_name
from archscope.tracing.heard import Heard
from archscope.tracing.modules import given_to, is_ours, read_module
from archscope.tracing.single import in_line, single
from archscope.tracing.values import memory_of

if TYPE_CHECKING:
    from archscope.tracing.values import Values

Copied = Literal["", "in order", "as it is"]
"""How a call that became no node handed on the value of one; not at all if empty."""


class Last(NamedTuple):
    """How a call handed a value on, whose it is, and its memory; none where it is given more, or makes other values."""

    way: Copied = ""
    ref: Ref | None = None
    memory: int | None = None


_NOTHING: Final = Last()

_AGAIN_FROM: Final = torch.utils.checkpoint.__file__

ONCE: Final = "it works on what is there once for all samples, with an axis for them, and no rule follows that"
"""Why no rule says what a node holds that is there once, and has an axis for samples all the same."""

_ACROSS: Final = "it makes one of all samples together, and no rule says what that holds"

_MADE_OF_PARAMETERS: Final = "it works on what its code makes of a parameter, and no rule follows the gradient of that"

_OF_SAMPLES: Final = "it attends from one sample to another, and no rule follows what it keeps of those"

_BY_VALUE: Final = "PyTorch multiplies it value by value where it sums over one, and no rule says what that holds"

_NOTE: Final = frozenset({"max", "min", "topk", "sort", "kthvalue", "median", "nanmedian", "mode"})
"""Functions that give values of an axis, and the places where they stand."""

_ELSEWHERE: Final = "it writes what it makes over something else than what it reads first, and no rule follows that"

_PARTED: Final = "it reads values with their gradients and without (`detach`), and no rule tells which"

_PARTS: Final = frozenset({"chunk", "narrow", "split", "split_with_sizes", "tensor_split", "unsafe_split"})
"""Functions that take parts of an axis, of which one may be all of it: their backward pass copies the gradient."""

_WHOLE: Final = "its code takes a part of it that is all of it, and no rule follows the gradient of that"

_FLAT: Final = "it is given one sample without an axis for a batch, and no rule follows what it runs for that"

_AGAIN: Final = "its code has it run again in the backward pass (`torch.utils.checkpoint`), and no rule follows that"

_ALWAYS: Final = "it drops weights at inference too, and no rule says what that takes"

_OF_CODE: Final = "it is given a padding mask that no input decides, and no rule says what that takes"

_OF_THEIR_OWN: Final = "it is given the same values as tensors of their own, and no rule follows how it projects those"


class Holding:
    """What is seen of memory while a module runs.

    Attributes:
        in_place: nodes that put what they make in the place of their first input.
        over_views: those of them that do so through a view of it which became no node: ``x.view(x.shape).add_(y)``.
        elsewhere: nodes that write it over something else: what the code made beside its layers, or what ``out=`` is.
        lifts: nodes of modules that archscope made, whose code makes the places that it looks up in each pass.
        unruled: nodes that hold something else than a layer of their type, and why.
        unruled_in_training: those that do while training alone, and why.
        ordered: values that the code puts in the order of their axes before anything reads them.
        together: nodes that one operation made at once, by the first.
        ran_alone: the operation that a node is, where it is one.
        for_all: nodes whose results are the same for every sample, and there once.
        places: nodes and inputs where the batch does not stand in front everywhere.
        folded: nodes that read samples that stand in the first axis with others.
        sees: nodes of which no operation is known, which only see what they read differently.
        apart: which inputs of a node are handed on without their gradients.
        steady: nodes that run one way always, and whether that is as while training: dropout that nobody switches off.
        copies_in: memories that calls took for copies of values: the number of the call, and whose value it is.
        versions: which copy of a value a node reads, by the number of its call; None where it reads the value itself.
        mixed: whether a node reads a value and a copy of it, or it is not known which.
        trains: whether what is seen is a run as while training.
        notes: nodes that give the places of the values that they give, too.
        padded: nodes of attention that is told which keys are padding.
        hidden: nodes of attention that is given the mask which hides what comes later, and makes none.
        masked: nodes of attention that is given a mask of yes and no, of which it makes numbers.
    """

    def __init__(self) -> None:
        self.in_place: set[str] = set()
        self.over_views: set[str] = set()
        self.elsewhere: set[str] = set()
        self._viewed: set[Ref] = set()
        self.lifts: set[str] = set()
        self.unruled: dict[str, str] = {}
        self.unruled_in_training: dict[str, str] = {}
        self.ordered: dict[Ref, Ordered] = {}
        self.together: dict[str, tuple[str, ...]] = {}
        self.ran_alone: dict[str, Ran] = {}
        self.for_all: set[str] = set()
        self.places: dict[str, Places] = {}
        self.folded: set[str] = set()
        self.sees: set[str] = set()
        self.apart: dict[str, tuple[int, ...]] = {}
        self.steady: dict[str, bool] = {}
        self._read: Sequence[Ref] = ()
        self._reads: Sequence[int] = ()
        self.masked: set[str] = set()
        self.hidden: set[str] = set()
        self.notes: set[str] = set()
        self.padded: dict[str, Padded] = {}
        self.weighs: dict[str, bool] = {}
        self.trains = False
        self._casting = _casting()
        self.copies_in: dict[int, tuple[int, Ref]] = {}
        self.versions: dict[tuple[str, Ref], int | None] = {}
        self.mixed = False
        self._last = _NOTHING

    def module(
        self, node: str, module: nn.Module, args: Any, kwargs: Any, given: Sequence[Tensor], made: Sequence[Tensor],
        frame: Frame,
    ) -> None:  # fmt: skip
        """A module has run that is one layer."""
        self._around(node)
        if is_ours(module):
            self.lifts.add(node)
        # Dropout leaves everything as it is at inference, so that only its own word tells.
        if getattr(module, "inplace", False) is True or _stays(given, made, frame):
            self._over(node, given)
        if isinstance(module, nn.MultiheadAttention):
            self._attends(node, module, given_to(module, args, kwargs), given[0].dim())

    def call(self, node: str, call: Call, given: Sequence[Tensor], made: Sequence[Tensor], frame: Frame) -> None:
        """A function has run, in a module's own code."""
        self._around(node)
        name = call.name
        over = memory_of(made[0]) if frame.wrote and made else 0
        stays = call.given.get("inplace") is True or _stays(given, made, frame)
        if stays and (not over or over in self._reads[:1]):
            self._over(node, given)
        elif over and over in map(memory_of, given):
            self.elsewhere.add(node)
            self.unruled[node] = _ELSEWHERE
        if "alpha_dropout" in name:
            unruled = self.unruled if call.given["training"] is True else self.unruled_in_training
            unruled[node] = "alpha dropout shifts and scales what it leaves, and no rule follows that"
        elif name in _NOTE and len(made) == 2:
            self.notes.add(node)
        elif name == "einsum" and not frame.multiplies and (found := einsums.letters(call.given)) is not None:
            if len(given) > 1 and {*"".join(found[0])} > {*found[1]}:
                self.unruled[node] = _BY_VALUE
        elif name == "scaled_dot_product_attention" and not isinstance(call.given["dropout_p"], Tensor):  # broken off
            if call.given["dropout_p"] and not self.trains:
                self.unruled[node] = _ALWAYS
            if call.place_of(given[0]) == given[0].dim() - 2:
                self.unruled[node] = _OF_SAMPLES
            if call.given["attn_mask"] is None and len(given) > 3:
                self.hidden.add(node)
            if any(each.dtype == torch.bool for each in given[3:]):
                self.masked.add(node)

    def _over(self, node: str, given: Sequence[Tensor]) -> None:
        """A node puts what it makes in the place of its first input."""
        self.in_place.add(node)
        if given and given[0]._is_view() and self._viewed.intersection(self._read[:1]):
            self.over_views.add(node)

    def _attends(self, node: str, module: nn.MultiheadAttention, given: Mapping[str, Any], dim: int) -> None:
        tensors = {id(given.get(name)) for name in ("query", "key", "value")}
        own = _OF_THEIR_OWN if len(tensors) > len({*self._read[:3]}) else ""
        if given.get("need_weights", not is_ours(module)):
            self.weighs[node] = bool(given.get("average_attn_weights", True))
        padding = given.get("key_padding_mask")
        beside = _OF_CODE if padding is not None and len(self._read) != 4 else ""
        if why := own or _unruled(module, given) or beside or ("" if dim > 2 else _FLAT):
            self.unruled[node] = why
            return
        if (mask := given.get("attn_mask")) is not None and mask.dtype == torch.bool:
            self.masked.add(node)
        if padding is not None:
            layer = read_module(module)
            assert isinstance(layer, MultiheadAttention)  # noqa: S101 - it is one of PyTorch's
            self.padded[node] = Padded(layer, padding.dtype != torch.bool)

    def _around(self, node: str) -> None:
        """What the code has put around a node: autocast, or that it runs again in the backward pass."""
        # Under autocast of the caller's own a module is what it is without.
        if _casting() != self._casting:
            self.unruled[node] = CASTS
        frame = sys._getframe()
        while (before := frame.f_back) is not None:
            frame = before
            if frame.f_code.co_filename == _AGAIN_FROM:
                self.unruled_in_training[node] = _AGAIN
                return

    def stands(self, name: str, reads: Sequence[int], makes: Sequence[int]) -> None:
        """Where the batch stands in what a node reads and makes, or in an input."""
        if {*reads[:3]} == {APART}:
            self.folded.add(name)
        if max((*reads, *makes)) > 0:
            known = [tuple(None if each in (LOST, WITHOUT) else each for each in every) for every in (reads, makes)]
            self.places[name] = Places(*known)

    def ran(
        self, node: str, nodes: Sequence[Node], layers: Sequence[Layer], heard: Heard, made: Tensor, place: int,
        given: Sequence[Tensor], places: Sequence[int],
    ) -> None:  # fmt: skip
        """What ran for a call that became a node, or the last nodes, one for each layer."""
        if node in self.for_all and [each.layer for each in nodes[-len(layers) :]] == [*layers]:
            self.for_all.update(each.name for each in nodes[-len(layers) :])
        if len(layers) < 2:
            self.alone(node, heard, made, place, given, places)
        elif heard.frame.ran and all(each.family == "arithmetic" for each in layers):
            self.several([each.name for each in nodes[-len(layers) :]], heard, made, place, given, places)

    def derived(self, node: str) -> None:
        """A node works on what code makes of parameters that train."""
        self.unruled_in_training[node] = _MADE_OF_PARAMETERS

    def alone(
        self, node: str, heard: Heard, made: Tensor, place: int, given: Sequence[Tensor], places: Sequence[int]
    ) -> None:
        """A node is one call, and no layers in a row; what ran is noted if each worked on what the last made."""
        ran = single(heard.frame)
        once = node in self.for_all
        if ran is None or (not once and LOST in (place, *places)):
            self.sees.update([node] if len(given) == 1 and memory_of(made) == memory_of(given[0]) else ())
            return
        dtype = "" if made.dtype == torch.get_default_dtype() else str(made.dtype).removeprefix("torch.")
        name, numbers, before = ran
        first = heard.args[0] if heard.args else heard.kwargs.get("input")
        second = len(given) == 1 and first is not None and first is not given[0]
        if second and name in ("div", "sub"):
            # `torch.div(1, x)`, and a constant tensor over x, which is kept.
            name = f"{name} of a constant" if isinstance(first, Tensor) and name == "div" else f"r{name}"
        if (len(given) > 1 or second or name == "rsub") and heard.kwargs.get("alpha", 1) != 1:
            name = f"{name} by alpha"
        if (
            name == "clamp"
            and len([each for each in (*heard.args[1:], *heard.kwargs.values()) if each is not None]) < 2
        ):
            name = "clamp_min"  # one bound, either of the two
        self.ran_alone[node] = Ran(
            name,
            numbers,
            dtype,
            None if once else place,
            tuple(each.is_floating_point() for each in given),
            tuple(not once and each != WITHOUT for each in places),
            before,
        )

    def several(
        self, nodes: Sequence[str], heard: Heard, made: Tensor, place: int, given: Sequence[Tensor],
        places: Sequence[int],
    ) -> None:  # fmt: skip
        """One call is several layers of arithmetic, one after the other: each an operation, or no rule knows which."""
        line = in_line(heard.frame)
        names = () if line is None else (*line[2], line[0])
        for node in nodes:
            self.alone(node, heard, made, place, given, places)
        if len(names) != len(nodes):
            ran = dict.fromkeys(base_name(each.operation.called) for each in heard.frame.ran)
            why = f"its code runs {' and '.join(f'`{each}`' for each in ran)}, and no rule follows those together"
            self.unruled.update(dict.fromkeys(nodes, why))
            names = (*["alias"] * (len(nodes) - 1), base_name(heard.frame.ran[-1].operation.called))
        for node, name in zip(nodes, names, strict=True):
            if node in self.ran_alone:
                self.ran_alone[node] = self.ran_alone[node].replace(name=name, before=())

    def learned(
        self, node: str, refs: Sequence[Ref], parameters: Set[str], places: Sequence[int], *, made: Set[int]
    ) -> None:
        """What a node makes is there once for all samples: made of parameters alone, or of all samples together."""
        alone = bool(refs) and all(ref.node in parameters or ref.node in self.for_all for ref in refs)
        if alone or made == {WITHOUT}:
            self.for_all.add(node)
            if not {*places, *made} <= {APART, WITHOUT, LOST}:
                self.unruled[node] = ONCE if alone else _ACROSS

    def parted(self, node: str, refs: Sequence[Ref], read: Sequence[Tensor], values: Values) -> None:
        """Of each value that a node reads, whether the code hands it on without its gradient, and as which copy."""
        self._read, self._reads = refs, [*map(memory_of, read)]
        for each in read if self.copies_in else ():
            if (ref := values.ref(each)) is not None:
                number = self.version(ref, memory_of(each))
                self.mixed |= self.versions.setdefault((node, ref), number) != number or (
                    number is not None and ref not in refs)  # fmt: skip
        apart = [*map(values.apart, read)]
        if not any(apart):
            return
        if len(apart) == len(refs):
            self.apart[node] = tuple(place for place, each in enumerate(apart) if each)
        else:
            self.unruled_in_training[node] = _PARTED

    def version(self, ref: Ref, memory: int) -> int | None:
        """The number of the call that copied a value into some memory; None where the memory is its own."""
        number, of = self.copies_in.get(memory, (None, ref))
        return number if of == ref else None

    def handed_on(
        self, name: str, ref: Ref, place: int, given: Sequence[Tensor], made: Tensor, values: Values
    ) -> None:  # fmt: skip
        """A call handed a value on as it is, its batch at a place: in the order of its axes, or perhaps as a copy."""
        if name == "contiguous":
            self.ordered[ref] = Ordered(max(place, 0), values.living())
            self._last = Last("in order", ref)
        else:
            self.copies(name, ref, values.of_nodes(given), made)

    def copies(self, name: str, ref: Ref, read: Sequence[Tensor], made: Tensor) -> None:
        """A call became no node, and handed a value on, perhaps as a copy."""
        if name in _PARTS:
            self.unruled_in_training.setdefault(ref.node, _WHOLE)
        if read and made is not read[0] and memory_of(made) == memory_of(read[0]):
            self._viewed.add(ref)
        alone = len(read) == 1 and read[0].dtype == made.dtype and read[0].shape == made.shape
        self._last = Last("as it is", ref, memory_of(read[0]) if alone else None)

    def copied(self) -> Last:
        """How the last call handed a value on, and which."""
        last, self._last = self._last, _NOTHING
        return last


def _unruled(module: nn.MultiheadAttention, given: Mapping[str, Any]) -> str:
    """Why no rule says what attention takes that is given something; empty if one does."""
    mask, padding = given.get("attn_mask"), given.get("key_padding_mask")
    if padding is not None and (mask is not None or module.bias_k is not None or module.add_zero_attn):
        beside = "another mask" if mask is not None else "keys of its own"
        return f"it is given a padding mask beside {beside}, and no rule says what that takes"
    if mask is not None and (module.bias_k is not None or module.add_zero_attn):
        return "it makes its mask longer for keys of its own, and no rule says what that takes"
    if mask is not None and given.get("is_causal") and mask.dtype == torch.bool:
        return "it makes numbers of a mask that it does not use (`is_causal`), and no rule says what that takes"
    return ""


def _casting() -> list[bool]:
    """Whether autocast is on, on a CPU and on a GPU."""
    return [*map(torch.is_autocast_enabled, ("cpu", "cuda"))]


def _stays(given: Sequence[Tensor], made: Sequence[Tensor], frame: Frame) -> bool:
    """Whether what was made lies where the first input lay."""
    return bool(frame.wrote and made and given and memory_of(made[0]) == memory_of(given[0]))
