"""`Recording`: the network that is written down while a module runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archscope.building.builders import COUNTERS
from archscope.layers import TYPES, Layer, Shape
from archscope.network import Ref
from archscope.recognising.batches import LOST, WITHOUT
from archscope.recognising.beyond import beyond_call
from archscope.recognising.call import Call
from archscope.recognising.calls import layers_of, parts_of
from archscope.recognising.einsums import is_turned, product_of
from archscope.recognising.joining import fitted
from archscope.recognising.nodes import Nodes
from archscope.recognising.operations import Frame
from archscope.recognising.seen import Seen
from archscope.recognising.signatures import SIGNATURES, bound, plain_name
from archscope.theirs import place_here
from archscope.tracing.accounts import Accounts
from archscope.tracing.causal import Causal
from archscope.tracing.constants import filled
from archscope.tracing.heard import Heard
from archscope.tracing.holding import Holding
from archscope.tracing.learned import Learned
from archscope.tracing.ledger import Ledger
from archscope.tracing.looks import Looks
from archscope.tracing.modules import beyond_module, given_to, is_ours, ordered, read_module
from archscope.tracing.origins import Origins
from archscope.tracing.packed import Packed, weight_of
from archscope.tracing.roles import (
    APART,
    ENTERING,
    HOLDING,
    LEAVING,
    LENDING,
    PICKLING,
    PRODUCTS,
    SAID,
    SAME_VALUES,
    SHAPED,
    UNPICKLING,
    leaves,
)
from archscope.tracing.samples import Samples, Trail
from archscope.tracing.standing import Standing
from archscope.tracing.strangers import tensors_in
from archscope.tracing.transformed import bare, is_mapped, is_transformed
from archscope.tracing.values import Values, memory_of
from archscope.tracing.waves import positions_in

_MAPPED, _NESTED = "it ran under `vmap`, for all samples at once", "its samples have lengths of their own"


class Recording:
    """Writes a node for everything that ran.

    Attributes:
        looked: where values were looked at, and by what function.
        factors: the constants that products multiply with, by the names of their nodes, where they are known.
        divisors: what average pools divide by, where their code says another number than how many there are.
        causal: nodes that hide from each position what comes later.
        holding: what is seen of memory.

    Args:
        modules: what runs, by its path, and its submodules.
        state: its parameters and buffers, by name.
        ledger: sees the operations.
        at: says where the code stands.
        batch: samples that run at once; None where there is no batch axis.
        keep: whether tensors cost nothing and may be kept.
        guide: what a run of more samples made; see `archscope.tracing.samples`.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        state: Mapping[str, Tensor],
        ledger: Ledger,
        at: Standing,
        *,
        batch: int | None,
        keep: bool,
        guide: Trail | None,
    ) -> None:
        self.values = Values(state, keep=keep)
        self.samples = Samples(self.values, batch, guide)
        self.looked = Looks(self.values)
        trained = {name for name, _ in modules[""].named_parameters(remove_duplicate=False)}
        self.state = {name: each for name, each in state.items() if name.rpartition(".")[2] not in COUNTERS}
        held = {
            name: weight_of(name, each, trainable=name in trained and each.requires_grad)
            for name, each in self.state.items()
            if name in trained or each.dtype not in (torch.bool, torch.int64)
        }
        self._packed = Packed(modules)
        self.nodes = Nodes(held | self._packed.held, modules, batch or 1, place_here)
        parameters = {name: each for name, each in self.state.items() if name in trained}
        self.learned = Learned(
            parameters, modules, self.nodes, lambda: at.here, ledger.numbers.of,
            lambda each: None if self.values.weights(each) & held.keys() else self._known(each), self.samples.repeats,
        )  # fmt: skip
        self.accounts, self.holding, self.causal = Accounts(), Holding(), set[str]()
        self.factors, self.divisors = dict[str, Tensor](), dict[str, int]()
        self._known, self._enters = ledger.numbers.of, ledger.numbers.enters
        self._at = at
        self._number = lambda each: (
            None if self.values.ref(each) or self.values.weights(each) & parameters.keys() else ledger.numbers.of(each)
        )
        self._hiding = Causal(lambda each: None if self.values.ref(each) else ledger.numbers.of(each))
        self.origins = Origins(self.values, self.samples, self.nodes, self.accounts, self.learned, ledger,
                               self.state, at, self.holding.for_all)  # fmt: skip

    def enter(self, name: str, tensor: Tensor, place: int | None) -> Shape:
        """Have an input of the network, with its batch at a place if that is known; the shape of one sample of it."""
        shape = self.samples.shape(tensor, place)
        self.values.made(tensor, self.nodes.enter(name, shape))
        if place is not None:
            self.values.put(tensor, place)
            self.holding.stands(name, (), (place,))
        self.samples.most = max(self.samples.most, tensor.dim())
        return shape

    def leaf(self, module: nn.Module, args: Any, kwargs: Any, made: list[Tensor], frame: Frame) -> None:
        """A module that is one layer has run."""
        every = given = tensors_in([args, kwargs])
        asked, later = (args, kwargs), False
        if isinstance(module, nn.MultiheadAttention):
            found = self._hiding.attending(given_to(module, args, kwargs), true_hides=True)
            if found is not None:
                (kwargs, later), args = found, ()
                given = tensors_in(kwargs)
        plain = plain_name(type(module).__name__.lower())
        if (attends := isinstance(module, nn.MultiheadAttention)) or (args and isinstance(args[0], Tensor)):
            self.samples.hear(plain, next(iter(given), None))
        held = (*module.parameters(), *module.buffers())
        weights = frozenset(name for each in held for name in self.values.weights(each))  # a tied one has one name
        if recurs := isinstance(module, nn.RNNBase):  # a packed sequence carries its lengths along
            given, made = (list(filter(Tensor.is_floating_point, each)) for each in (given, made))
        refs, begins = [], list[Tensor]()
        for place, each in enumerate(given):
            ref = self.origins.of(each)
            if ref is None and (place == 0 or (attends and place < 3) or self.values.weights(each)):
                ref = self.origins.source(each)
            refs += [] if ref is None else [ref]
            begins += [each] if ref is None and isinstance(module, nn.RNNBase | nn.RNNCellBase) else []
        refs = refs[:1] if attends and len(set(refs)) == 1 else refs
        layer = read_module(module)
        if layer is not None and later:
            layer = TYPES[layer.type](**{**layer.stated(), "causal": True})
        first = self.samples.place(given[0]) if given else LOST
        places = [self.samples.after_module(each, given[0], first, state=recurs and number > 0)
                  for number, each in enumerate(made)] if given else [LOST] * len(made)  # fmt: skip
        option = beyond_module(module, args, kwargs)
        if option in ("", "time first") and (attends or recurs):
            option = ordered(module, option, first, given[0].dim())
        whole = len(refs) in (1, 3 if isinstance(module, nn.LSTM) else 2)
        states = recurs and not (whole and all(map(self._hiding.is_zero, begins)))
        seen = Seen(
            plain,
            self._at.place,
            tuple(refs),
            tuple(self.samples.shape(each, place) for each, place in zip(made, places, strict=True)),
            frame,
            () if layer is None else (layer,),
            weights,
            option or ("given states" if states else ""),
            ours=is_ours(module),
            main=1 if states else None,
        )
        ours = self.nodes.keep(seen)
        self.learned.starts += [(each, ours[0].node) for each in begins]
        self.accounts.ran_for(ours[0].node, len(frame.ran), every)
        learned = self.nodes.parameters - self.learned.repeated
        self.holding.parted(ours[0].node, refs, self.values.of_nodes(given), self.values)
        self.holding.learned(ours[0].node, refs, learned, [*map(self.samples.place, given)], made={*places})
        self.holding.stands(ours[0].node, [*map(self.samples.place, given)][: len(refs)], places)
        self.holding.module(ours[0].node, module, *asked, every if attends else given, made, frame)
        self._made(made, ours, frame)
        for each, place in zip(made, places, strict=True):
            self.values.put(each, place)

    def call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any, frame: Frame) -> Any:
        """A function of PyTorch has run; what it returns goes on."""
        if not is_transformed():
            return self._heard(name, args, kwargs, result, frame, why="")
        why = _MAPPED if is_mapped([args, kwargs, result]) else ""
        self._heard(name, bare(args), bare(kwargs), bare(result), frame, why=why)
        return result

    def _heard(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any, frame: Frame, *, why: str
    ) -> Any:
        made = tensors_in(result)
        given = tensors_in(args) if not kwargs else tensors_in([args, kwargs])
        if any(each.is_nested for each in (*made, *given)):
            why = why or _NESTED
        if name.startswith("set "):
            if given and name == "set data":
                self.values.same(given[0], given[-1])
            self._handed_on([], given, [], frame)
            return result
        if name == PICKLING:
            self.origins.pickled(given[0])
            return result
        if name in UNPICKLING and made and self.origins.unpickled(made[0]):
            self._handed_on([ref] if (ref := self.values.ref(made[0])) else [], given, made, frame)
            return result
        read = given[:1] if plain_name(name) in LENDING else given
        refs = [ref for each in read if (ref := self.origins.of(each)) is not None]
        if name in SHAPED and made and (name in SAID or not made[0].is_floating_point()):
            refs = []  # numbers that count or mask, or have a shape of their own, and that the code gives
        if name in LEAVING or (frame.looked and why != _NESTED):
            self.looked.at(self._at.path, name, result, frame, given, refs)
        if not refs:
            self._constant(Heard(name, args, kwargs, given, made, frame, why))
            if name in ENTERING and made:
                self.origins.enter(made[0])
        elif made and (name in SAME_VALUES or leaves(name, args, kwargs, made[0])):
            self.values.same(made[0], next(each for each in given if self.values.ref(each) is not None))
            if name in APART:
                self.values.parted(made[0])
            self.holding.handed_on(name, refs[0], self.samples.place(made[0]), given, made[0], self.values)
            self._handed_on(refs, given, made, frame)
        elif made or frame.wrote or frame.multiplies:
            if name in SHAPED and made and not why and self._filled(name, args, kwargs, made[0], frame):
                return result
            result, made = self._apart(result, made, given, frame)
            self._keep(Heard(name, args, kwargs, given, made, frame, why), refs)
        else:
            if name in LEAVING:
                self.origins.leave(refs, name.strip("_"))
            self._handed_on(refs, given, [], frame)
        return result

    def _handed_on(self, refs: list[Ref], given: list[Tensor], made: list[Tensor], frame: Frame) -> None:
        """Operations that make no row of their own."""
        row = next((ref.node for ref in refs if ref.node in self.nodes.facts), None)
        self.accounts.handed_on(row, len(frame.ran), given, made)

    def _apart(self, result: Any, made: list[Tensor], given: list[Tensor], frame: Frame) -> tuple[Any, list[Tensor]]:
        """Dropout hands back its very input at inference; the input itself stays what it was."""
        if frame.wrote or not isinstance(result, Tensor) or not any(result is each for each in given):
            return result, made
        return (seen := result.view(result.shape)), [seen]

    def _keep(self, heard: Heard, refs: list[Ref]) -> None:
        """Keep a node of a call, and know what it made and what it wrote."""
        name, args, kwargs, given, made, frame, why = heard.with_number(self._number)
        if plain_name(name) == "scaled_dot_product_attention":
            args, kwargs, given = self._hiding.unmasked(args, kwargs, given)
        unreached = [each for each in given if self.values.ref(each) is None and each.numel()]
        written = self._written(given, made, frame) if frame.wrote else []
        results = made or written or tensors_in(frame.made)[-1:]  # `backward` gives nothing back
        plain = plain_name(name)
        call = self.samples.call(plain, args, kwargs, given, results)
        places = self.samples.places(call, results)
        beside = self.learned.beside(call, unreached) if unreached and made else {}
        idle = bool(made) and not why and self._hiding.changes_nothing(plain, args, kwargs, made[0].shape)
        if unreached and made and not (beside or why or idle):
            beside = self.origins.begun(call, unreached)
        if beside:
            refs = [ref for each in given if (ref := beside.get(id(each)) or self.values.ref(each)) is not None]
            unreached = [each for each in unreached if id(each) not in beside]
            call = call._replace(fitted=frozenset(beside))
        weights = frozenset(weight for each in unreached for weight in self.values.weights(each))
        derived = any(self.values.weights(each) & self.nodes.held.keys() and self.values.held(each) is None
                      for each in unreached)  # fmt: skip
        turned = frozenset(held.name for each in unreached if (held := self.values.held(each)) and held.turned)
        layers = None if not made or not made[0].dim() or why else layers_of(call)
        table, told = (None, "") if why or plain not in ("add", "radd", "iadd") else self._table(call, refs, unreached)
        layers, derived = (layers, derived) if table is None else ((table,), False)
        layers = () if idle and len(refs) == 1 and not (weights or why) else layers
        product = product_of(call) if plain == "einsum" and len(refs) == 2 and made and not why else None
        if product is not None:
            layers = product.after
            refs = [self._turn(*each) for each in zip(refs, product.turns, product.orders, given, strict=True)]
        if layers == () and not frame.wrote and not weights and len(refs) == 1:
            self.holding.copies(plain, refs[0], self.values.of_nodes(given), made[0])
            self.values.made(made[0], refs[0])
            self.values.put(made[0], call.after)
            self._handed_on(refs, given, made, frame)
            return
        seen = Seen(
            plain,
            self._at.place,
            tuple(refs),
            tuple(map(self.samples.shape, results, places)),
            frame,
            layers or (),
            (weights & self.nodes.held.keys()) | self._packed.read([*args, *kwargs.values()]),
            told or beyond_call(call, args, kwargs, len(refs), () if why else layers),
            why,
            derived=derived,
            turned=turned ^ weights if plain in PRODUCTS or (plain == "einsum" and is_turned(call.given)) else turned,
            roles=self.origins.roles(call.given),
            samples=self.samples.many(results[0], places[0]) if results else None,
            adds=self.origins.adds(plain, args, kwargs),
        )
        parts = parts_of(call) or []
        read = [each for each in given if id(each) in beside or self.values.ref(each) is not None]
        read_at = [self.samples.place(each) for each in read]
        ours = self.nodes.keep(seen) if not parts else tuple(
            self.nodes.keep(seen._replace(outputs=(shape,), layers=each))[0]
            for shape, each in zip(seen.outputs, parts, strict=True)
        )  # fmt: skip
        if parts:
            self.holding.together[ours[0].node] = tuple(ref.node for ref in ours)
        self.accounts.ran_for(ours[0].node, len(frame.ran), heard.given)
        if plain in ("mul", "rmul", "imul", "multiply") and len(refs) == len(unreached) == 1:
            factor = self._known(unreached[0])
            self.factors.update({} if factor is None else {ours[0].node: factor})
        self.divisors.update({ours[0].node: each} if (each := call.given.get("divisor_override")) else {})
        self.causal.update([ours[0].node] if len(refs) == 1 and self._hiding.hides(plain, args, kwargs) else ())
        for node in {ref.node for ref in ours}:
            self.holding.parted(node, refs, read, self.values)
            self.holding.learned(node, refs, self.nodes.parameters - self.learned.repeated, read_at, made={*places})
            self.holding.stands(node, read_at[: len(refs)], places)
        if len(results) == 1 and not parts and len(read) == len(refs):
            at = [WITHOUT if self.learned.is_bare(each) else at for each, at in zip(read, read_at, strict=True)]
            self.holding.ran(ours[0].node, self.nodes.nodes, layers or (), heard, results[0], places[0], read, at)
        if derived and any(self.state[each].requires_grad for each in weights & self.nodes.held.keys()):
            self.holding.derived(ours[0].node)
        self.holding.call(ours[0].node, call, heard.given, results, frame)
        self._made(results, ours, frame)
        for each, place in zip(results, places, strict=True):
            self.values.put(each, place)
        for each in written:
            self.values.wrote(each, ours[0])

    def _filled(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor, frame: Frame) -> bool:
        """Keep a node of a constant that has another value's shape and nothing else of it; False if it is no layer."""
        call = self.samples.call(plain_name(name), args, kwargs, given := tensors_in([args, kwargs]), [made])
        shape = self.samples.shape(made, place := call.after)
        layer = None if place in (WITHOUT, LOST) else filled(self._known(made), shape, self.origins.types)
        if layer is not None:
            refs = self.nodes.keep(Seen(layer.type, self._at.here, (), (shape,), frame, (layer,)))
            self._made([made], refs, frame)
            self.accounts.ran_for(refs[0].node, len(frame.ran), given)
            self.holding.call(refs[0].node, call, [], [made], frame)
            self.values.put(made, place)
        return layer is not None

    def _table(self, call: Call, refs: list[Ref], added: list[Tensor]) -> tuple[Layer | None, str]:
        """The layer that adds positions, where a call adds those of a buffer; else what is known of those it adds."""
        names = [name for each in added for name in self.values.weights(each) if name in self.nodes.held]
        if len(refs) != 1 or len(added) != 1 or len(names) > 1 or call.given.get("alpha", 1) != 1:
            return None, ""
        held, wanted = self.state[names[0]].numel() if names else None, fitted(tuple(added[0].shape), call)
        return positions_in(self._known(added[0]), wanted, held)

    def _turn(self, ref: Ref, layers: tuple[Layer, ...], order: tuple[int, ...], tensor: Tensor) -> Ref:
        """An operand of a product with its axes in the order in which they are multiplied."""
        if not layers:
            return ref
        place = self.samples.place(tensor)
        shape = tuple(tensor.shape[axis] for axis in order if axis != place)
        return self.nodes.keep(Seen("einsum", self._at.here, (ref,), (shape,), Frame(), layers))[0]

    def _made(self, made: Sequence[Tensor], refs: Sequence[Ref], frame: Frame) -> None:
        for each, ref in zip(made, refs, strict=True):
            self.values.made(each, ref)
        for each in tensors_in(frame.made):
            if not self.values.known(each):
                self.values.on_the_way(each, refs[0])
        self.values.ran(len(self.nodes.nodes))

    def _written(self, given: list[Tensor], made: list[Tensor], frame: Frame) -> list[Tensor]:
        """What a call was given and has written, if that is what it is for."""
        memories = {memory_of(each) for each in frame.wrote}
        changed = [each for each in given if memory_of(each) in memories]
        return [each for each in changed if not made or any(each is other for other in made)]

    def _constant(self, heard: Heard) -> None:
        """A call on constants: a node if there is anything to count, else what it makes is a constant too."""
        name, args, kwargs, given, made, frame, _ = heard
        weights = frozenset(weight for each in given for weight in self.values.weights(each))
        plain = plain_name(name)
        positions = self.learned.follow(plain, args, kwargs, given, made)
        if not positions and (frame.multiplies or (made and plain in HOLDING and weights)):
            worked_on = bound(plain, args, kwargs).get("input") if plain in SIGNATURES else None
            first = worked_on if isinstance(worked_on, Tensor) else given[0] if given else None
            if first is not None:
                self._keep(heard, [self.origins.source(first)])
                return
        changed = [*made, *(self._written(given, made, frame) if frame.wrote else ())]
        self.looked.constant(plain, args, given, changed, frame)
        held = None if frame.wrote else self.values.handed_on(plain, given, made)
        if name in ENTERING and made and not given:
            self._enters(made[0], args[0] if args else next(iter(kwargs.values())))
        for each in changed:
            self.values.came_of(each, weights)
        if held is not None:
            self.values.is_held(made[0], held)
        self._handed_on([], given, changed, frame)
