"""Names that the base classes of PyTorch and Keras have already; no layer of a model can be called so."""

from __future__ import annotations

import keyword
from typing import Final

TAKEN: Final = frozenset(
    """
    T_destination __debug__ __doc__ _apply _backward_hooks _backward_pre_hooks _buffers _call_impl
    _compiled_call_impl _forward_hooks _forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks
    _forward_pre_hooks_with_kwargs _get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook
    _load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook
    _modules _named_members _non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook
    _register_state_dict_hook _replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks
    _state_dict_pre_hooks _version _wrapped_call_impl activity_regularizer add_loss add_metric add_module
    add_variable add_weight apply autocast bfloat16 buffers build build_from_config built call
    call_signature_parameters call_super_init children compile compile_from_config compiled compute_dtype
    compute_loss compute_mask compute_metrics compute_output_shape compute_output_spec count_params cpu cuda double
    dtype dtype_policy dump_patches eval evaluate export extra_repr fit float forward from_config get_buffer
    get_build_config get_compile_config get_config get_extra_state get_layer get_metrics_result get_parameter
    get_quantization_layer_structure get_state_tree get_submodule get_weights half input input_dtype input_spec ipu
    jit_compile layers load_own_variables load_state_dict load_weights loss losses make_predict_function
    make_test_function make_train_function metrics metrics_names metrics_variables modules mtia name named_buffers
    named_children named_modules named_parameters non_trainable_variables non_trainable_weights output parameters
    path predict predict_function predict_on_batch predict_step quantization_mode quantize quantized_build
    quantized_call register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook rematerialized_call requires_grad_ reset_metrics run_eagerly save
    save_own_variables save_weights set_extra_state set_state_tree set_submodule set_weights share_memory state_dict
    stateless_call stateless_compute_loss steps_per_execution summary supports_jit supports_masking symbolic_call
    test_function test_on_batch test_step to to_empty to_json torch_params train train_function train_on_batch
    train_step trainable trainable_variables trainable_weights training type variable_dtype variables weights xpu
    zero_grad
    """.split()  # noqa: SIM905 - a list of so many words is no easier to read
)
"""Attributes of `torch.nn.Module` and `keras.Model`; a test holds them against both."""

EXPORTED: Final = frozenset(
    {"code", "graph", "meta", "recompile", "print_readable", "add_submodule", "delete_submodule"}
)
"""Attributes of what `torch.export` and `torch.fx` make of a module."""


def in_a_module(name: str, have: frozenset[str]) -> str:
    """The name of a submodule for a part of a layer's name; ``have`` are the attributes that every module has.

    >>> in_a_module("half", frozenset({"half"})), in_a_module("return", frozenset()), in_a_module("fc", frozenset())
    ('half_', 'return_', 'fc')
    """
    return f"{name}_" if name in have or name in EXPORTED or keyword.iskeyword(name) else name
