"""What the operations under PyTorch's functions multiply: one table of rules over shapes.

A rule is given an operation's arguments and its result, and says its multiply-accumulates. What PyTorch tags as working
value by value, as a reduction or as a view has none, and neither has a short list of the rest; of anything else nothing
is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import torch

from archscope.recognising.operations import Kind, Operation, base_name
from archscope.recognising.rules import RULES

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
    "quantized_max_pool2d quantized_max_pool3d segment_reduce",
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
    "repeat_interleave _unsafe_masked_index_put_accumulate lu_unpack",
    "masked_select put take nonzero nonzero_static isin bucketize searchsorted topk sort kthvalue median nanmedian",
    "mode unique_consecutive unique_dim _unique _unique2 bincount histc histogram cumsum cumprod cummax cummin",
    "logcumsumexp _logcumsumexp _cummax_helper _cummin_helper trace dist unfold_backward _aminmax equal is_same_size",
    "_local_scalar_dense _is_all_true _is_any_true _assert_async _assert_scalar _assert_tensor_metadata",
    "powsum _functional_assert_async _functional_sym_constrain_range _functional_sym_constrain_range_for_size",
    "_has_same_storage_numel allclose is_pinned record_stream item is_nonzero",
    # losses
    "binary_cross_entropy binary_cross_entropy_with_logits huber_loss mse_loss smooth_l1_loss soft_margin_loss",
    "nll_loss_forward nll_loss2d_forward multi_margin_loss multilabel_margin_loss_forward",
    # brought to another precision
    "quantize_per_tensor quantize_per_channel quantize_per_tensor_dynamic dequantize int_repr q_scale q_zero_point",
    "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask",
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams _make_per_tensor_quantized_tensor",
    "_make_per_channel_quantized_tensor",
    # gradients of what multiplies nothing
    "_adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward adaptive_max_pool2d_backward",
    "adaptive_max_pool3d_backward avg_pool2d_backward avg_pool3d_backward max_pool2d_with_indices_backward",
    "max_pool3d_with_indices_backward _softmax_backward_data _log_softmax_backward_data _masked_softmax_backward",
    "_prelu_kernel_backward elu_backward glu_backward hardshrink_backward hardsigmoid_backward hardswish_backward",
    "hardtanh_backward leaky_relu_backward log_sigmoid_backward softplus_backward softshrink_backward",
    "rrelu_with_noise_backward native_batch_norm_backward native_group_norm_backward native_layer_norm_backward",
    "_fused_rms_norm_backward _weight_norm_interface_backward cudnn_batch_norm_backward batch_norm_backward",
    "_thnn_fused_gru_cell_backward _thnn_fused_lstm_cell_backward_impl select_backward slice_backward",
    "diagonal_backward embedding_dense_backward _embedding_bag_dense_backward masked_scatter_backward",
    "reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward replication_pad1d_backward",
    "replication_pad2d_backward replication_pad3d_backward upsample_nearest1d_backward upsample_nearest2d_backward",
    "upsample_nearest3d_backward _upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward",
    "_upsample_nearest_exact3d_backward upsample_linear1d_backward upsample_bilinear2d_backward",
    "upsample_bicubic2d_backward upsample_trilinear3d_backward _upsample_bilinear2d_aa_backward",
    "_upsample_bicubic2d_aa_backward grid_sampler_2d_backward grid_sampler_3d_backward",
    "_grid_sampler_2d_cpu_fallback_backward cudnn_grid_sampler_backward mse_loss_backward smooth_l1_loss_backward",
    "huber_loss_backward soft_margin_loss_backward nll_loss_backward nll_loss2d_backward",
    "binary_cross_entropy_backward",
)
"""Operations of PyTorch's own that it does not tag, and that multiply nothing."""

_NOTHING_TO_MULTIPLY: Final = frozenset(f"aten::{name}" for names in _UNTAGGED for name in names.split())

_NOR_THESE: Final = frozenset({
    "torchvision::nms", "torchvision::roi_align", "torchvision::roi_pool", "torchvision::ps_roi_align",
    "torchvision::ps_roi_pool", "prim::device", "profiler::_record_function_enter_new",
    "profiler::_record_function_exit",
})  # fmt: skip

_MULTIPLY: Final = frozenset({
    "aten::_cudnn_attention_forward", "aten::_cudnn_attention_backward", "aten::_triton_scaled_dot_attention",
    "aten::_flash_attention_forward_no_dropout_inplace", "aten::_lstm_mps",
})  # fmt: skip
"""Operations that PyTorch tags as drawing random numbers, as they may drop some, and that multiply all the same."""

_OF_MANY: Final = frozenset({"prims::fft_c2c", "prims::fft_c2r", "prims::fft_r2c", "prims::svd"})
"""Those among PyTorch's primitives, of which it writes others on meta, that are more than a step of each value."""

_TAGS: Final = frozenset({
    torch.Tag.pointwise, torch.Tag.reduction, torch.Tag.view_copy, torch.Tag.nondeterministic_seeded,
})  # fmt: skip
"""How PyTorch marks what works value by value, sums up values, copies a view, or draws random numbers."""

_LOOKS: Final = frozenset({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape})
"""How it marks what has to look at values."""


@cache
def operation(function: Any) -> Operation:
    """What is known of an operation that the dispatcher sees.

    >>> operation(torch.ops.aten.mm.default).kind, operation(torch.ops.aten.add_.Tensor).kind
    (<Kind.RULE: 'a rule over shapes'>, <Kind.NOTHING: 'it has none'>)
    >>> operation(torch.ops.aten._fft_r2c.default).kind.value, operation(torch.ops.prims.add.default).kind.value
    ('nothing', 'it has none')
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
    # Of several tensors each is made of its own ones alone, which one answer for all does not say.
    pointwise = _of_one(schema.name) == schema.name and _is_tagged(function, {torch.Tag.pointwise}, views=False)
    draws = torch.Tag.nondeterministic_seeded in function.tags
    return Operation(schema.name, _kind(function), writes, looks, pointwise, draws)


def _kind(function: Any) -> Kind:
    name = base_name(function._schema.name)
    if name in RULES:
        return Kind.RULE
    if function._can_decompose() and _is_composite(function):
        return Kind.PARTS
    if name in _MULTIPLY:
        return Kind.UNKNOWN
    makes = any("Tensor" in str(each.type) for each in function._schema.returns)
    silent = name.startswith(("aten::", "prim::")) and not makes and not function._schema.is_mutable
    listed = _of_one(name) in _NOTHING_TO_MULTIPLY or name in _NOR_THESE
    listed = listed or (name.startswith("prims::") and name not in _OF_MANY)
    return Kind.NOTHING if listed or silent or _is_tagged(function, _TAGS) else Kind.UNKNOWN


def _of_one(name: str) -> str:
    """The operation that one does to each of several tensors, ``aten::_foreach_add``: ``aten::add``."""
    return name.replace("::_foreach_", "::")


def _is_composite(function: Any) -> bool:
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), "CompositeImplicitAutograd"))


def _is_tagged(function: Any, tags: Iterable[torch.Tag], *, views: bool = True) -> bool:
    """Whether PyTorch says so of it, or of the same operation not in place or without ``out``."""
    library, _, name = _of_one(base_name(function._schema.name)).partition("::")
    packet = getattr(getattr(torch.ops, library), name, None)
    others = [getattr(packet, each) for each in packet.overloads()] if packet is not None else []
    return any((views and each.is_view) or not each.tags.isdisjoint(tags) for each in map(_Tagged, (function, *others)))


class _Tagged:
    def __init__(self, function: Any) -> None:
        self.is_view = bool(function.is_view)
        self.tags = frozenset(function.tags)
