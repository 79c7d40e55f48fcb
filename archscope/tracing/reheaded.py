"""Attention of an exported program, which has its operations, as the module that it was."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, fx, nn

from archscope.recognising.atoms import Turned
from archscope.recognising.heads import NOTHING, Attention, Heads, Value

_ATEN: Final = torch.ops.aten
_CLASSES: Final = frozenset(
    {"torch.nn.modules.activation.MultiheadAttention", "archscope.building.sequences.Attention"}
)
"""What a program calls the class of PyTorch's layer, and of that of a module that archscope built."""

_MASKS: Final = ("attn_mask", "key_padding_mask")
"""What a mask is called that hides keys from some positions, and one that hides some of each sample's from all."""


class Written(NamedTuple):
    """A module as a part of a program has it written out.

    Attributes:
        module: what it was.
        reads: the places of its queries, keys and values among what the part is given.
        masks: those of its masks, by the names that it has for them.
        causal: how many positions hide what comes later; none if 0.
    """

    module: nn.MultiheadAttention
    reads: tuple[int, ...]
    masks: Mapping[str, int]
    causal: int


def attention_of(written: Any) -> Written | None:
    """The module that a part of a program was; None where it does more than that, or something else."""
    if str(getattr(written, "_ty", "")) not in _CLASSES:
        return None
    nodes = list(written.graph.nodes)
    placed = {each.name: place for place, each in enumerate(each for each in nodes if each.op == "placeholder")}
    found = _followed(written, nodes)
    masks = {} if found is None else {_MASKS[padding]: name for name, padding in found.masks}
    if found is None or len(masks) < len(found.masks) or not placed.keys() >= {*found.reads, *masks.values()}:
        return None
    module = _made(written, found)
    shapes = {each.name: _shape(each) for each in nodes if each.op == "placeholder"}
    shape = shapes[found.reads[0]]
    hides = masks.get(_MASKS[False])
    if module is None or (hides is not None and not _takes(module, shapes[hides], shape, found.batch)):
        return None
    length = shape[0 if found.batch is None else 1 - found.batch] if found.causal else 0
    reads = tuple(placed[name] for name in found.reads)
    at = {kind: placed[name] for kind, name in masks.items()}
    return None if found.causal and masks else Written(module, reads, at, length)


def _takes(module: nn.MultiheadAttention, mask: tuple[int, ...], queries: tuple[int, ...], batch: int | None) -> bool:
    """Whether PyTorch's layer takes a mask as it is: one for all samples and heads, or one for each of both."""
    many = module.num_heads * (1 if batch is None else queries[batch])
    return len(mask) == 2 or (len(mask) == 3 and mask[0] == many)


def _followed(written: Any, nodes: list[fx.Node]) -> Attention | None:
    """The attention that the operations of a part are; None where they are something else."""
    heads = Heads()
    values: dict[fx.Node, Any] = {}
    for node in nodes:
        try:
            values[node] = _value(heads, written, node, values)
        except (Turned, AttributeError, IndexError, KeyError, TypeError, ValueError):  # what no such module has
            values[node] = None
    ended = nodes[-1].args[0]
    ended = ended[0] if isinstance(ended, (list, tuple)) and len(ended) == 1 else ended
    value = values.get(ended) if isinstance(ended, fx.Node) else None
    return heads.found(value) if isinstance(value, Value) else None


def _value(heads: Heads, written: Any, node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
    if node.op == "placeholder":
        return heads.root(node.name, tuple(map(int, node.meta["val"].shape)))
    if node.op == "get_attr":
        held = _held(written, str(node.target))
        return heads.root(str(node.target), tuple(held.shape))
    reading = _READINGS.get(node.target)
    if reading is None or node.op != "call_function":
        return None
    if any(values.get(each) is None for each in node.all_input_nodes):
        return None
    given, more = fx.map_arg((list(node.args), dict(node.kwargs)), values.__getitem__)
    return reading(heads, node, given, more)


def _held(written: Any, path: str) -> Tensor:
    owner, _, name = path.rpartition(".")
    held: Tensor = getattr(written.get_submodule(owner), name)
    return held


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(map(int, node.meta["val"].shape))


def _as_shaped(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    return heads.reshaped(given[0], _shape(node))


def _same(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del heads, node
    found: Value = given[0]
    return found


def _exchanged(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del node
    order = list(range(len(given[0].axes)))
    one, other = given[1:3]
    order[one], order[other] = order[other], order[one]
    return heads.permuted(given[0], order)


def _linear(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del node
    return heads.linear(given[0], given[1], given[2] if len(given) > 2 else None)


def _select(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del node
    return heads.part(given[0], given[1], given[2], 1, keep=False)


def _split(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> list[Value]:
    axis = given[2] if len(given) > 2 else 0
    found, start = [], 0
    for part in node.meta["val"]:
        length = int(part.shape[axis])
        found.append(heads.part(given[0], axis, start, length))
        start += length
    return found


def _taken(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del heads, node
    found: Value = given[0][given[1]]
    return found


def _product(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del node
    return heads.product(given[0], given[1])


def _masked_product(heads: Heads, node: fx.Node, given: list[Any], more: Any) -> Value | None:
    del node
    usual = more.get("beta", 1) == 1 and more.get("alpha", 1) == 1
    return heads.masked(heads.product(given[1], given[2]), given[0]) if usual else None


def _times(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value | None:
    del node
    return heads.times(given[0], float(given[1])) if isinstance(given[1], (int, float)) else None


def _softmax(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del node
    return heads.softmax(given[0], given[1])


def _dropout(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del node
    return heads.dropped(given[0], given[1])


def _fused(heads: Heads, node: fx.Node, given: list[Any], more: Any) -> Value:
    del node
    options = {**dict(zip(("attn_mask", "dropout_p", "is_causal"), given[3:], strict=False)), **more}
    return heads.fused(
        *given[:3], mask=options.get("attn_mask"), dropped=options.get("dropout_p", 0.0),
        causal=options.get("is_causal", False), scale=options.get("scale"),
    )  # fmt: skip


def _hidden(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value | None:
    """A mask of truths as what is added to scores."""
    del heads, node
    found: Value | None = given[1] if given[2] == -math.inf else None
    return found


def _widened(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    return heads.widened(given[0], _shape(node))


def _joined(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del node
    (value, other), axis = given[0], given[1] if len(given) > 1 else 0
    return heads.longer(value, other, axis)


def _nothing(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value:
    del given
    return heads.root(NOTHING, _shape(node))


def _with_more(heads: Heads, node: fx.Node, given: list[Any], _: Any) -> Value | None:
    """A mask that hides none of the keys that the layer adds itself."""
    del heads, node
    mask, sides, *rest = given
    (atom,) = mask.axes[-1]
    axes = (*mask.axes[:-1], (atom._replace(extent=atom.extent + 1),))
    return mask._replace(axes=axes) if list(sides) == [0, 1] and not rest else None


_READINGS: Final[Mapping[Any, Callable[[Heads, fx.Node, list[Any], Any], Any]]] = MappingProxyType({
    **dict.fromkeys(
        (_ATEN.view.default, _ATEN.reshape.default, _ATEN.unflatten.int, _ATEN.unsqueeze.default, _ATEN.squeeze.dim,
         _ATEN.flatten.using_ints, _ATEN._unsafe_view.default), _as_shaped),
    **dict.fromkeys((_ATEN.contiguous.default, _ATEN.clone.default, _ATEN.zeros_like.default), _same),
    **dict.fromkeys((_ATEN.masked_fill_.Scalar, _ATEN.masked_fill.Scalar), _hidden),
    _ATEN.transpose.int: _exchanged,
    _ATEN.permute.default: lambda heads, _, given, __: heads.permuted(given[0], given[1]),
    _ATEN.linear.default: _linear,
    _ATEN.select.int: _select,
    **dict.fromkeys((_ATEN.split_with_sizes.default, _ATEN.split.Tensor, _ATEN.chunk.default), _split),
    operator.getitem: _taken,
    **dict.fromkeys((_ATEN.bmm.default, _ATEN.matmul.default), _product),
    _ATEN.baddbmm.default: _masked_product,
    _ATEN.mul.Tensor: _times,
    _ATEN.softmax.int: _softmax,
    _ATEN.dropout.default: _dropout,
    _ATEN.scaled_dot_product_attention.default: _fused,
    **dict.fromkeys((_ATEN.expand.default, _ATEN.repeat.default), _widened),
    _ATEN.cat.default: _joined,
    _ATEN.zeros.default: _nothing,
    **dict.fromkeys((_ATEN.pad.default, _ATEN.constant_pad_nd.default), _with_more),
})  # fmt: skip
"""What each operation does to what is followed."""


def _made(written: Any, found: Attention) -> nn.MultiheadAttention | None:
    """The module, with the weights of the part; None where they have other names than its own."""
    together = len(found.matrices) == 1
    wanted = ["in_proj_weight"] if together else ["q_proj_weight", "k_proj_weight", "v_proj_weight"]
    named = [name for name, turned in found.matrices if not turned]
    output, turned, last = found.output
    biased = bool(found.biases)
    if named != wanted or output != "out_proj.weight" or turned or biased != bool(last):
        return None
    if (found.biases, last) != (("in_proj_bias", "out_proj.bias") if biased else ("", "")):
        return None
    kept, zeros = found.more[0][:1] == ("bias_k",), found.more[0][-1:] == (NOTHING,)
    if found.more != tuple((name,) * kept + (NOTHING,) * zeros for name in ("bias_k", "bias_v")):
        return None
    read = [int(_held(written, name).shape[1]) for name in named]
    module = nn.MultiheadAttention(
        found.features, found.heads, dropout=found.dropped, bias=biased, batch_first=found.batch != 1,
        add_bias_kv=kept, add_zero_attn=zeros,
        kdim=None if together else read[1], vdim=None if together else read[2], device="meta",
    )  # fmt: skip
    names = [name for name, _ in module.named_parameters()]
    if {*names} != {*named, output, *filter(None, (found.biases, last)), *(("bias_k", "bias_v") if kept else ())}:
        return None
    for name in names:
        owner, _, own = name.rpartition(".")
        setattr(module.get_submodule(owner), own, _held(written, name))
    return module


__all__ = ["attention_of"]
