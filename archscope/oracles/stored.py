"""A file of weights: what its header says of names and shapes, held against the layers. No tensor is read.

It knows nothing of a network but what was trained and kept, so it speaks of parameters alone: of each layer that can
be placed, and of all together. What other conventions keep beside parameters is told apart by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from archscope.importing.weights.opening import read_weights
from archscope.importing.weights.stored import Stored, Tensor
from archscope.layers.base import Weight, spell_shape
from archscope.network import Network
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, compared, not_covered
from archscope.oracles.placing import Own, Placed, Placing, extents, same

NAME: Final = "weights"

_BESIDE: Final = (
    (re.compile(r"(^|[._])(position_ids|token_type_ids|relative_position_index)$"), "numbers of positions"),
    (re.compile(r"(^|[._])(inv_freq|relative_coords_table)$|^rope_(freqs|factors_\w+)\.weight$"),
     "angles of positions, which are no parameters"),
    (re.compile(r"(^|\.)(attn|attention|self_attn)\.(bias|masked_bias|causal_mask)$|(^|[._])(attn_mask|masked_bias)$"),
     "masks"),
    (re.compile(r"[._](weight_scale(_inv|_2)?|input_scale|output_scale|weight_zero_point)$|\.SCB$"),
     "scales of quantised weights"),
)  # fmt: skip
"""What files keep beside parameters, by the end of its name."""

_PACKED: Final = re.compile(r"(^|[._])(qweight|qzeros|g_idx|absmax|quant_map|nested_absmax|weight_packed|codebooks?)$"
                            r"|quant_state|_proj_blocks$")  # fmt: skip
"""Tensors that have several weights in one number, or tell how to take them apart."""

_COUNTER: Final = re.compile(r"(^|\.)num_batches_tracked$")
"""Batches counted while training, which nobody counts."""
_STATISTICS: Final = re.compile(r"(^|[._])(running|moving)_(mean|var|variance)$")
_HEADS: Final = re.compile(r"(^|[._])(lm_head|output|embed_out|decoder|predictions\.decoder|head)\.weight$")
_WHOLE: Final = frozenset({"BOOL", "U16", "U32", "U64", "I16", "I32", "I64", "bool", "int16", "int32", "int64"})
_FEW: Final = 3


def observe(case: Case) -> Iterator[Finding]:
    """Read the header and place what it has."""
    if not case.weights:
        yield not_covered(NAME, None, "parameters", "no file of weights was named; say which with `--weights`")
        return
    stored = read_weights(case.weights)
    stored = stored.replace(tensors=tuple(each for each in stored.tensors if not _COUNTER.search(each.name)))
    network = case.network
    packed = next((each for each in stored.tensors if _PACKED.search(each.name)), None)
    if packed is not None:
        why = f"`{packed.name}` has several weights in one number, and how they are packed stands elsewhere"
        yield not_covered(NAME, None, "parameters", why)
        return
    beside = {each.name: said for each in stored.tensors if (said := _beside(each)) is not None}
    own = tuple(_owned(network))
    placing = Placing(own, [each for each in stored.tensors if each.name not in beside])
    again = _again(network, placing)
    rows = {node.name: node.row for node in network.nodes}
    rest = {each.node for each in own}
    for placed in placing.placed:
        yield from _of_layers(placed, rows)
    for name, left in placing.left.items():
        shapes = ", ".join(spell_shape(each.shape) for each in left.weights[:_FEW])
        why = f"nothing in {Path(stored.path).name} has its name, and not as many layers are of its shapes ({shapes})"
        yield not_covered(NAME, rows[name], "parameters", why, node=name)
    for node in network.nodes:
        if node.shares is not None and network.facts[node.name].weights and node.name not in rest:
            yield not_covered(NAME, node.row, "parameters", f"its weights are those of `{node.shares}`", node=node.name)
    yield from _in_all(case, stored, placing, {**beside, **again})


def _beside(tensor: Tensor) -> str | None:
    """What a tensor is that is no parameter; None of one that may be one."""
    said: str | None = next((why for pattern, why in _BESIDE if pattern.search(tensor.name)), None)
    if said == "masks" and len(extents(tensor.shape)) == 1 and tensor.name.endswith(".bias"):
        said = None  # the bias of a product
    if said is None and tensor.dtype in _WHOLE:
        return "whole numbers, which are no parameters"
    return said


def _owned(network: Network) -> Iterator[Own]:
    """The weights of each node that are no other's, and what they may be called."""
    sources = network.observed.sources if network.observed is not None else {}
    for node in network.nodes:
        theirs = set() if node.shares is None else {each.name for each in network.facts[node.shares].weights}
        weights = tuple(each for each in network.facts[node.name].weights if each.name not in theirs)
        if weights:
            names = {}
            for each in weights:
                source = sources.get((node.name, each.name))
                said = (f"{node.name}.{each.name}", *([node.name] if len(weights) == 1 else []))
                names[each.name] = said if source is None else (source.name, *said)
            yield Own(node.name, weights, names)


def _again(network: Network, placing: Placing) -> dict[str, str]:
    """Tensors that stand for weights which others stand for already; what each is."""
    found: dict[str, str] = {}
    for node in network.nodes:
        if node.shares is None:
            continue
        why = f"those of `{node.shares}` once more, to which `{node.name}` is tied"
        # A table inside a module that scales what it looks up is called as that module is.
        owners = [each for one in (node.name, node.shares) for each in (one, one.rpartition(".")[0]) if each]
        for weight in network.facts[node.name].weights:
            called = {f"{before}{owner}.{weight.name}" for owner in owners for before in ("", placing.prefix)}
            found |= {name: why for name, each in placing.over.items() if same(weight.shape, each.shape)
                      and (name in called or _HEADS.search(name))}  # fmt: skip
    return found


def _unread(network: Network, placing: Placing) -> tuple[int, int]:
    """Of weights that nothing reads, which count all the same: the fixed values in the file, the trained not there."""
    fixed = missing = 0
    for weight in () if network.observed is None else network.observed.unused:
        there = any(name in placing.over and same(weight.shape, placing.over[name].shape)
                    for name in (weight.name, placing.prefix + weight.name))  # fmt: skip
        fixed += weight.values if there and not weight.trainable else 0
        missing += weight.values if weight.trainable and not there else 0
    return fixed, missing


def _of_layers(placed: Placed, rows: Mapping[str, str]) -> Iterator[Finding]:
    first = placed.nodes[0]
    if len(placed.nodes) > 1:
        together = sum(each.values for each in placed.nodes)
        held = sum(each.values for each in placed.tensors)
        for own in placed.nodes:
            others = ", ".join(each.node for each in placed.nodes if each is not own)
            why = f"with {others}, as `{placed.part}`"
            yield compared(NAME, rows[own.node], "parameters together", together, held, node=own.node, why=why)
        return
    row = rows[first.node]
    if placed.named:
        yield compared(NAME, row, "weights", _spelled({each.name: each for each in first.weights}, first.weights),
                       _spelled(placed.named, first.weights), node=first.node)  # fmt: skip
    values = {"parameters": 0, "fixed": 0}
    for tensor, trainable in _assigned(placed, first.weights):
        values["parameters" if trainable else "fixed"] += tensor.values
    ours = {"parameters": _values(first.weights, trainable=True), "fixed": _values(first.weights, trainable=False)}
    for quantity, count in ours.items():
        if count or values[quantity]:
            yield compared(NAME, row, quantity, count, values[quantity], node=first.node)


def _values(weights: Sequence[Weight], *, trainable: bool) -> int:
    return sum(int(each.values) for each in weights if each.trainable is trainable)


def _spelled(held: Mapping[str, Tensor | Weight], wanted: Sequence[Weight]) -> tuple[str, ...]:
    """Weights with their shapes; one that lies otherwise, as dense layers do with their inputs in front, as ours."""
    shapes = {each.name: held[each.name].shape for each in wanted}
    lie = {each.name: each.shape if same(each.shape, shapes[each.name]) else shapes[each.name] for each in wanted}
    return tuple(sorted(f"{name} {spell_shape(shape)}" for name, shape in lie.items()))


def _assigned(placed: Placed, weights: Sequence[Weight]) -> Iterator[tuple[Tensor, bool]]:
    """The tensors of a node, and whether each is trained as our weight is that it stands for."""
    of = {tensor.name: next(each for each in weights if each.name == name) for name, tensor in placed.named.items()}
    free = [each for each in weights if each.name not in placed.named]
    for tensor in placed.tensors:
        if tensor.name not in of:
            last = tensor.name.rpartition(".")[2]
            alike = [each for each in free if same(each.shape, tensor.shape)]
            chosen = next((each for each in alike if each.name == last), alike[0] if alike else None)
            if chosen is None:
                yield tensor, any(each.trainable for each in weights) and not _STATISTICS.search(tensor.name)
                continue
            free.remove(chosen)
            of[tensor.name] = chosen
        yield tensor, of[tensor.name].trainable


def _in_all(case: Case, stored: Stored, placing: Placing, others: Mapping[str, str]) -> Iterator[Finding]:
    """All parameters of the file and of the network; of what stands beside them it is said what it is."""
    fixed = sum(each.values for placed in placing.placed if len(placed.nodes) == 1
                for each, trainable in _assigned(placed, placed.nodes[0].weights) if not trainable)  # fmt: skip
    # Of layers that are held together, which values are fixed stands in the layers alone.
    fixed += sum(_values(own.weights, trainable=False) for placed in placing.placed if len(placed.nodes) > 1
                 for own in placed.nodes)  # fmt: skip
    fixed += sum(each.values for name, each in placing.over.items() if name not in others and _STATISTICS.search(name))
    unread, missing = _unread(case.network, placing)
    fixed += unread
    surplus: dict[str, int] = {}
    for each in stored.tensors:
        if each.name in others:
            surplus[others[each.name]] = surplus.get(others[each.name], 0) + each.values
    more = sum(surplus.values())
    ours, theirs = int(case.analysis.totals.parameters), stored.values - fixed - more
    if ours == theirs + missing and more + missing:
        said = [f"{many:,} more are {each}" for each, many in surplus.items()]
        said += [f"{missing:,} are weights that nothing reads, which the file has not"] if missing else []
        why = "; ".join(said)
        yield Finding(NAME, None, "parameters", Verdict.EXPLAINED, ours, theirs + more, why)
    else:
        yield compared(NAME, None, "parameters", ours, theirs, why=_unplaced(placing, others) if ours != theirs else "")
    left = sum(_values(own.weights, trainable=False) for own in placing.left.values())
    if left and int(case.analysis.totals.fixed) == fixed + left:
        why = f"{left:,} fixed values are in none of its tensors; what is worked out need not be kept"
        yield not_covered(NAME, None, "fixed", why)
    elif fixed or int(case.analysis.totals.fixed):
        yield compared(NAME, None, "fixed", case.analysis.totals.fixed, fixed)


def _unplaced(placing: Placing, others: Mapping[str, str]) -> str:
    """What is on one side alone."""
    over = [f"`{name}` {spell_shape(each.shape)}" for name, each in placing.over.items() if name not in others]
    left = [f"`{own.node}`" for own in placing.left.values()]
    said = []
    for there, found in (("the file alone has", over), ("the network alone has", left)):
        if found:
            more = f" and {len(found) - _FEW:,} more" if len(found) > _FEW else ""
            said.append(f"{there} {', '.join(found[:_FEW])}{more}")
    return "; ".join(said)
