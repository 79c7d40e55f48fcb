"""What operations multiply: one table of rules over shapes, by PyTorch's names of them.

A rule is given an operation's arguments and its result, of which it asks the shapes alone, and says its
multiply-accumulates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from archscope.layers.base import NOTHING
from archscope.recognising.tensor import Tensor
from archscope.working import Count, count, product, total

Rule = Callable[[Sequence[Any], Any], Count | None]
"""From the arguments by position and the result; None where the shapes do not tell."""


def _times(*factors: int) -> Count:
    """A product written without its ones."""
    return product(count(each) for each in factors if each != 1)


def _first(result: Any) -> Tensor:
    made: Tensor = result if isinstance(result, Tensor) else result[0]
    return made


def _matrix(place: int) -> Rule:
    """``(…, n, k)`` with ``(…, k, m)``: every value of the result sums up ``k`` products."""
    return lambda args, result: _times(*_first(result).shape, args[place].shape[-1])


def _each_matrix(args: Sequence[Any], result: Any) -> Count:
    """Pairs of matrices, in two lists."""
    return total(_times(*made.shape, left.shape[-1]) for left, made in zip(args[0], result, strict=True))


def _added_batch(args: Sequence[Any], _: Any) -> Count:
    batch, rows, inner = args[1].shape
    return _times(batch, rows, args[2].shape[-1], inner)


def _all_of(place: int) -> Rule:
    """Every value of an argument is multiplied once."""
    return lambda args, _: _times(*args[place].shape)


def _outer(args: Sequence[Any], _: Any) -> Count:
    return _times(args[1].numel(), args[2].numel())


def _distance(args: Sequence[Any], result: Any) -> Count:
    """Differences are squared and summed up for the distance of Euclid alone, however PyTorch works it out."""
    return _times(*_first(result).shape, args[0].shape[-1]) if len(args) < 3 or args[2] == 2 else NOTHING


def _crossed(_: Any, result: Any) -> Count:
    """Every value of a cross product is a difference of two products."""
    return _times(2, *_first(result).shape)


def _bags(args: Sequence[Any], _: Any) -> Count:
    """Vectors of a table, summed up: a product where each has a weight of its own."""
    return _times(args[1].numel(), args[0].shape[-1]) if len(args) > 6 and args[6] is not None else NOTHING


def _in_time(args: Sequence[Any], result: Any) -> Count:
    """``(time, batch, channels)`` with kernels of ``(width, in, out)``."""
    return _times(*_first(result).shape, *args[1].shape[:2])


def _grouped(args: Sequence[Any], result: Any) -> Count:
    """Rows of one matrix with a matrix for each group of them; or groups of columns, summed up."""
    made = _first(result)
    if made.dim() == 3 and args[0].dim() == 2:
        return _times(*made.shape[1:], args[0].shape[-1])
    return _times(*made.shape, args[0].shape[-1])


def _convolution(weight: int = 1, transposed: int | None = None) -> Rule:
    """Every value of the result, or of the input where it is transposed, meets one kernel of one group."""

    def rule(args: Sequence[Any], result: Any) -> Count:
        turned = transposed is not None and (transposed < 0 or bool(args[transposed]))
        places = args[0] if turned else _first(result)
        return _times(*places.shape, *args[weight].shape[1:])

    return rule


def _convolution_backward(args: Sequence[Any], _: Any) -> Count:
    """Gradients of inputs and of kernels each multiply as often as the convolution did, whichever are asked for."""
    places = args[1] if args[7] else args[0]
    return total([_times(*places.shape, *args[2].shape[1:])] * sum(map(bool, args[10][:2])))


def _attention_backward(args: Sequence[Any], _: Any) -> Count:
    """Gradients of queries, keys, values and weights; scores that a kernel works out anew are not counted again."""
    return total([_attention(args[1:4], None)] * 2)


def _attention(args: Sequence[Any], _: Any) -> Count:
    """``(…, queries, e)``, ``(…, keys, e)`` and ``(…, keys, v)``: the scores and the weighted sum, masked or not."""
    query, key, value = args[:3]
    scores = (*query.shape[:-1], key.shape[-2])
    return total([_times(*scores, query.shape[-1]), _times(*scores, value.shape[-1])])


def _attention_of_rows(args: Sequence[Any], _: Any) -> Count | None:
    """The same over ``(batch, positions, heads, e)``; where several lengths are packed, shapes do not tell."""
    query, key, value = args[:3]
    if query.dim() != 4:
        return None
    scores = (query.shape[0], query.shape[2], query.shape[1], key.shape[1])
    return total([_times(*scores, query.shape[-1]), _times(*scores, value.shape[-1])])


def _whole_attention(args: Sequence[Any], _: Any) -> Count:
    """A fused layer: four projections of ``e`` features, the scores and the weighted sum."""
    query, key, value = args[:3]
    batch, queries, wide = query.shape
    keys = key.shape[1]
    projected = [_times(batch, each.shape[1], wide, wide) for each in (query, key, value, query)]
    return total([*projected, _times(2, batch, queries, keys, wide)])


def _encoder_layer(args: Sequence[Any], _: Any) -> Count:
    """A fused encoder layer: its attention to itself and its two dense layers."""
    source = args[0]
    whole = _whole_attention((source, source, source), None)
    return total([whole, *(_times(*source.shape[:-1], *args[place].shape) for place in (14, 16))])


def _recurrence(args: Sequence[Any], _: Any) -> Count:
    """One layer and direction: two matrices meet every step of every sample."""
    return total([_times(*args[0].shape[:-1], *weight.shape) for weight in args[1:3]])


def _recurrences(args: Sequence[Any], _: Any) -> Count:
    """Layers and directions at once: every matrix meets every step of every sample."""
    return total([_times(*args[0].shape[:-1], *weight.shape) for weight in args[1] if weight.dim() == 2])


def _trilinear(args: Sequence[Any], _: Any) -> Count:
    """Three tensors spread over common axes: two are multiplied and summed along one axis, then with the third."""
    spread = []
    for tensor, axes in zip(args[:3], args[3:6], strict=True):
        shape = list(tensor.shape)
        for axis in axes:
            shape.insert(axis, 1)
        spread.append(tuple(shape))
    together = tuple(max(extents) for extents in zip(*spread, strict=True))
    first, *rest = args[6]
    once = [extent for axis, extent in enumerate(together) if axis != first]
    return total([_times(*together), _times(*once)]) if rest else _times(*together)


def _packed_convolution(args: Sequence[Any], result: Any) -> Count:
    return _times(*_first(result).shape, *args[1].unpack()[0].shape[1:])


def _packed_recurrence(args: Sequence[Any], _: Any) -> Count:
    """Every layer and direction has two matrices, each packed in an object of its own, that meet every step."""
    inside = [each for cell in args[2] for each in cell.__getstate__()[0][4]]
    return total([_times(*args[0].shape[:-1], *each.unpack()[0].shape) for each in inside])


def _along(args: Sequence[Any], given: Mapping[str, Any]) -> int:
    """How long the axis is that dot products sum up, of two vectors or of one for all."""
    one, other = [*args, *(given[name] for name in ("x", "y") if name in given)][:2]
    return max(int(each.shape[given.get("dim", -1)]) for each in (one, other))


_TABLE: Final[tuple[tuple[str, Rule], ...]] = (
    ("aten::_foreach_mm", _each_matrix),
    ("aten::mm aten::bmm aten::linear aten::matmul aten::_int_mm aten::_scaled_mm aten::_scaled_mm_v2", _matrix(0)),
    ("aten::mkldnn_linear aten::_weight_int8pack_mm aten::_weight_int4pack_mm", _matrix(0)),
    ("aten::_weight_int4pack_mm_for_cpu aten::_weight_int4pack_mm_with_scales_and_zeros", _matrix(0)),
    ("aten::_mixed_dtypes_linear aten::_dyn_quant_matmul_4bit", _matrix(0)),
    ("aten::addmm aten::baddbmm aten::_addmm_activation", _matrix(1)),
    ("aten::addbmm", _added_batch),
    ("aten::mv aten::dot aten::vdot", _all_of(0)),
    ("aten::addmv", _all_of(1)),
    ("aten::addr", _outer),
    ("aten::_grouped_mm aten::_scaled_grouped_mm aten::_scaled_grouped_mm_v2", _grouped),
    ("transformers::grouped_mm_fallback", _grouped),
    ("aten::convolution aten::_convolution aten::convolution_overrideable", _convolution(transposed=6)),
    ("aten::cudnn_convolution aten::cudnn_convolution_relu aten::cudnn_convolution_add_relu", _convolution()),
    ("aten::miopen_convolution aten::miopen_convolution_relu aten::miopen_convolution_add_relu", _convolution()),
    ("aten::miopen_depthwise_convolution aten::mkldnn_convolution aten::_mps_convolution", _convolution()),
    ("aten::_nnpack_spatial_convolution aten::_conv_depthwise2d aten::conv_depthwise3d", _convolution()),
    ("aten::_slow_conv2d_forward aten::slow_conv3d_forward", _convolution()),
    ("aten::slow_conv_dilated2d aten::slow_conv_dilated3d", _convolution()),
    ("aten::cudnn_convolution_transpose aten::miopen_convolution_transpose", _convolution(transposed=-1)),
    ("aten::slow_conv_transpose2d aten::slow_conv_transpose3d", _convolution(transposed=-1)),
    ("torchvision::deform_conv2d", _convolution()),
    ("aten::_scaled_dot_product_flash_attention aten::_scaled_dot_product_flash_attention_for_cpu", _attention),
    ("aten::_scaled_dot_product_efficient_attention aten::_scaled_dot_product_cudnn_attention", _attention),
    ("aten::_scaled_dot_product_fused_attention_overrideable", _attention),
    ("aten::_scaled_dot_product_attention_math_for_mps aten::scaled_dot_product_attention flex_attention", _attention),
    ("aten::convolution_backward aten::convolution_backward_overrideable", _convolution_backward),
    ("aten::_scaled_dot_product_flash_attention_for_cpu_backward", _attention_backward),
    ("aten::_scaled_dot_product_flash_attention_backward", _attention_backward),
    ("aten::_scaled_dot_product_efficient_attention_backward", _attention_backward),
    ("aten::_scaled_dot_product_cudnn_attention_backward", _attention_backward),
    ("aten::_scaled_dot_product_fused_attention_overrideable_backward", _attention_backward),
    ("aten::_flash_attention_forward aten::_efficient_attention_forward", _attention_of_rows),
    ("aten::_native_multi_head_attention aten::_triton_multi_head_attention", _whole_attention),
    ("aten::_transformer_encoder_layer_fwd", _encoder_layer),
    ("aten::mkldnn_rnn_layer", _recurrence),
    ("aten::_cudnn_rnn aten::miopen_rnn", _recurrences),
    ("aten::affine_grid_generator", _matrix(0)),
    ("aten::_cdist_forward aten::_euclidean_dist", _distance),
    ("aten::linalg_cross", _crossed),
    ("aten::conv_tbc", _in_time),
    ("aten::_embedding_bag aten::_embedding_bag_forward_only aten::embedding_bag", _bags),
    ("aten::_trilinear", _trilinear),
    ("quantized::linear quantized::linear_relu quantized::linear_dynamic quantized::linear_relu_dynamic", _matrix(0)),
    ("quantized::conv1d quantized::conv1d_relu quantized::conv2d quantized::conv2d_relu", _packed_convolution),
    ("quantized::conv3d quantized::conv3d_relu", _packed_convolution),
    ("aten::quantized_lstm aten::quantized_gru", _packed_recurrence),
)
"""Operations by name, and what each multiplies."""

WRITTEN_OUT: Final[dict[str, Callable[[Sequence[Any], Mapping[str, Any], Any], Count]]] = {
    "outer": lambda _, __, result: _times(*result.shape),
    "ger": lambda _, __, result: _times(*result.shape),
    "kron": lambda _, __, result: _times(*result.shape),
    "linalg_vecdot": lambda args, given, result: _times(*result.shape, _along(args, given)),
}
"""Functions by name that are matrix products or dot products, and that PyTorch runs value by value."""

RULES: Final[dict[str, Rule]] = {name: rule for names, rule in _TABLE for name in names.split()}
