"""What the operations under PyTorch's functions multiply: one table of rules over shapes.

A rule is given an operation's arguments and its result, and says its multiply-accumulates. What PyTorch tags as working
value by value, as a reduction or as a view has none, and neither has a short list of the rest; of anything else nothing
is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cache
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archscope.layers.base import NOTHING
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


def _added_batch(args: Sequence[Any], _: Any) -> Count:
    batch, rows, inner = args[1].shape
    return _times(batch, rows, args[2].shape[-1], inner)


def _all_of(place: int) -> Rule:
    """Every value of an argument is multiplied once."""
    return lambda args, _: _times(*args[place].shape)


def _outer(args: Sequence[Any], _: Any) -> Count:
    return _times(args[1].numel(), args[2].numel())


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
        for axis in axes:
            tensor = tensor.unsqueeze(axis)
        spread.append(tuple(tensor.shape))
    together: tuple[int, ...] = torch.broadcast_shapes(*spread)  # type: ignore[no-untyped-call]
    first, *rest = args[6]
    once = [extent for axis, extent in enumerate(together) if axis != first]
    return total([_times(*together), _times(*once)]) if rest else _times(*together)


def _packed_convolution(args: Sequence[Any], result: Any) -> Count:
    return _times(*_first(result).shape, *args[1].unpack()[0].shape[1:])


_TABLE: Final[tuple[tuple[str, Rule], ...]] = (
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
    ("aten::_flash_attention_forward aten::_efficient_attention_forward", _attention_of_rows),
    ("aten::_native_multi_head_attention aten::_triton_multi_head_attention", _whole_attention),
    ("aten::_transformer_encoder_layer_fwd", _encoder_layer),
    ("aten::mkldnn_rnn_layer", _recurrence),
    ("aten::_cudnn_rnn aten::miopen_rnn", _recurrences),
    ("aten::_cdist_forward aten::affine_grid_generator", _matrix(0)),
    ("aten::_trilinear", _trilinear),
    ("quantized::linear quantized::linear_relu quantized::linear_dynamic quantized::linear_relu_dynamic", _matrix(0)),
    ("quantized::conv1d quantized::conv1d_relu quantized::conv2d quantized::conv2d_relu", _packed_convolution),
    ("quantized::conv3d quantized::conv3d_relu", _packed_convolution),
)
"""Operations by name, and what each multiplies."""

RULES: Final[dict[str, Rule]] = {name: rule for names, rule in _TABLE for name in names.split()}

_UNTAGGED: Final = (
    # norms and their statistics
    "native_layer_norm native_group_norm native_batch_norm _native_batch_norm_legit _weight_norm_interface",
    "_native_batch_norm_legit_no_training _native_batch_norm_legit_functional _batch_norm_with_update",
    "_batch_norm_no_update cudnn_batch_norm miopen_batch_norm batch_norm_elemt batch_norm_stats native_norm renorm",
    "quantized_batch_norm embedding_renorm linalg_vector_norm _fused_rms_norm",
    # pooling
    "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d avg_pool2d avg_pool3d",
    "max_pool2d_with_indices max_pool3d_with_indices fractional_max_pool2d fractional_max_pool3d max_unpool2d",
    "max_unpool3d mkldnn_max_pool2d mkldnn_max_pool3d mkldnn_adaptive_avg_pool2d quantized_max_pool1d",
    "quantized_max_pool2d quantized_max_pool3d segment_reduce _embedding_bag _embedding_bag_forward_only",
    # softmax, gates and other activations
    "_softmax _log_softmax _safe_softmax _masked_softmax glu hardswish log_sigmoid_forward _prelu_kernel",
    "_thnn_fused_lstm_cell _thnn_fused_gru_cell _masked_scale fill floor_divide",
    # padding, resampling
    "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d",
    "replication_pad3d grid_sampler_2d grid_sampler_3d _grid_sampler_2d_cpu_fallback cudnn_grid_sampler",
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d",
    "_upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d",
    "_upsample_bilinear2d_aa _upsample_bicubic2d_aa _upsample_lanczos2d_aa pixel_shuffle pixel_unshuffle",
    "channel_shuffle im2col col2im",
    # copying and moving
    "_to_copy clone copy contiguous lift lift_fresh _copy_from _to_dense to_mkldnn _mkldnn_reshape",
    "_mkldnn_transpose cat _chunk_cat stack _stack flip roll rot90 repeat tril triu unsafe_split",
    "unsafe_split_with_sizes block_diag diag_embed complex _reshape_alias _unsafe_view _reshape_copy",
    "as_strided_scatter diagonal_scatter select_scatter slice_scatter set resize resize_as _resize_output",
    "_to_sparse _to_sparse_csr _coalesce _nested_tensor_from_tensor_list _nested_view_from_buffer _nested_from_padded",
    "_nested_tensor_size _nested_view_from_jagged _padded_dense_to_jagged_forward _jagged_to_padded_dense_forward",
    "pin_memory _pin_memory _pack_padded_sequence _lazy_clone alias expand_copy detach to_padded_tensor polar",
    # creation
    "arange range linspace logspace full full_like ones ones_like zeros zeros_like empty empty_like empty_strided",
    "empty_permuted empty_quantized new_empty new_empty_strided new_full new_ones new_zeros eye scalar_tensor zero",
    "tril_indices triu_indices hann_window hamming_window bartlett_window blackman_window kaiser_window fft_fftfreq",
    "fft_rfftfreq _efficientzerotensor rand randn randint randperm normal uniform random bernoulli exponential",
    "cauchy log_normal geometric multinomial native_dropout",
    # indexing, sorting and counting
    "embedding gather scatter scatter_add scatter_reduce index _unsafe_index index_put _index_put_impl index_add",
    "_unsafe_index_put _unsafe_masked_index index_copy index_fill index_reduce index_select masked_scatter",
    "masked_select put take nonzero nonzero_static isin bucketize searchsorted topk sort kthvalue median nanmedian",
    "mode unique_consecutive unique_dim _unique _unique2 bincount histc histogram cumsum cumprod cummax cummin",
    "logcumsumexp _logcumsumexp _cummax_helper _cummin_helper trace dist linalg_cross _aminmax equal is_same_size",
    "_local_scalar_dense _is_all_true _is_any_true _assert_async _assert_scalar _assert_tensor_metadata",
    "_has_same_storage_numel allclose is_pinned record_stream item is_nonzero",
    # losses
    "binary_cross_entropy binary_cross_entropy_with_logits huber_loss mse_loss smooth_l1_loss soft_margin_loss",
    "nll_loss_forward nll_loss2d_forward",
    # brought to another precision
    "quantize_per_tensor quantize_per_channel quantize_per_tensor_dynamic dequantize int_repr q_scale q_zero_point",
    "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask",
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams _make_per_tensor_quantized_tensor",
    "_make_per_channel_quantized_tensor",
)
"""Operations of PyTorch's own that it does not tag, and that multiply nothing."""

_NOTHING_TO_MULTIPLY: Final = frozenset(f"aten::{name}" for names in _UNTAGGED for name in names.split())

_NOR_THESE: Final = frozenset({
    "torchvision::nms", "torchvision::roi_align", "torchvision::roi_pool", "torchvision::ps_roi_align",
    "torchvision::ps_roi_pool", "prim::device", "profiler::_record_function_enter_new",
    "profiler::_record_function_exit",
})  # fmt: skip

_TAGS: Final = frozenset({
    torch.Tag.pointwise, torch.Tag.reduction, torch.Tag.view_copy, torch.Tag.nondeterministic_seeded,
})  # fmt: skip
"""How PyTorch marks what works value by value, sums up values, copies a view, or draws random numbers."""

_LOOKS: Final = frozenset({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape})
"""How it marks what has to look at values."""


class Kind(Enum):
    """What is known of an operation's products."""

    RULE = "a rule over shapes"
    NOTHING = "it has none"
    PARTS = "it is made of other operations, which are seen instead"
    UNKNOWN = "nothing"


class Operation(NamedTuple):
    """One operation of PyTorch's, as the dispatcher names it.

    Attributes:
        name: ``aten::mm``.
        kind: what is known of its products.
        writes: the arguments that it writes, by position and name.
        looks: whether it has to look at values.
        pointwise: whether it works value by value.
    """

    name: str
    kind: Kind
    writes: tuple[tuple[int, str], ...] = ()
    looks: bool = False
    pointwise: bool = False

    def products(self, args: Sequence[Any], result: Any) -> Count | None:
        """Its multiply-accumulates; None where they are not known."""
        if self.kind is Kind.NOTHING:
            return NOTHING
        if self.kind is Kind.UNKNOWN:
            return None
        try:
            return RULES[_base(self.name)](args, result)
        except (AttributeError, IndexError, TypeError, ValueError, RuntimeError):  # called in a way of its own
            return None

    @property
    def called(self) -> str:
        """Its name without the library's, if it is PyTorch's own."""
        return self.name.removeprefix("aten::")


@cache
def operation(function: Any) -> Operation:
    """What is known of an operation that the dispatcher sees.

    >>> operation(torch.ops.aten.mm.default).kind, operation(torch.ops.aten.add_.Tensor).kind
    (<Kind.RULE: 'a rule over shapes'>, <Kind.NOTHING: 'it has none'>)
    >>> operation(torch.ops.aten._fft_r2c.default).kind.value
    'nothing'
    """
    if not isinstance(function, torch._ops.OpOverload):
        name = function.name() if hasattr(function, "name") else str(function)
        return Operation(name, Kind.RULE if name in RULES else Kind.UNKNOWN)
    schema = function._schema
    writes = tuple(
        (place, each.name)
        for place, each in enumerate(schema.arguments)
        if each.alias_info is not None and each.alias_info.is_write
    )
    looks = not _LOOKS.isdisjoint(function.tags)
    pointwise = _is_tagged(function, {torch.Tag.pointwise}, views=False)
    return Operation(schema.name, _kind(function), writes, looks, pointwise)


def _kind(function: Any) -> Kind:
    name = _base(function._schema.name)
    if name in RULES:
        return Kind.RULE
    if function._can_decompose() and _is_composite(function):
        return Kind.PARTS
    makes = any("Tensor" in str(each.type) for each in function._schema.returns)
    silent = name.startswith(("aten::", "prim::")) and not makes and not function._schema.is_mutable
    listed = name in _NOTHING_TO_MULTIPLY or name in _NOR_THESE
    return Kind.NOTHING if listed or silent or _is_tagged(function, _TAGS) else Kind.UNKNOWN


def _base(name: str) -> str:
    """An operation's name without the underscore of one that works in place."""
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def _is_composite(function: Any) -> bool:
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), "CompositeImplicitAutograd"))


def _is_tagged(function: Any, tags: Iterable[torch.Tag], *, views: bool = True) -> bool:
    """Whether PyTorch says so of it, or of the same operation not in place or without ``out``."""
    library, _, name = _base(function._schema.name).partition("::")
    packet = getattr(getattr(torch.ops, library), name, None)
    others = [getattr(packet, each) for each in packet.overloads()] if packet is not None else []
    return any((views and each.is_view) or not each.tags.isdisjoint(tags) for each in map(_Tagged, (function, *others)))


class _Tagged:
    def __init__(self, function: Any) -> None:
        self.is_view = bool(function.is_view)
        self.tags = frozenset(function.tags)
