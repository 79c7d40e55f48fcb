"""The words of other tools, as tables: types, options, what stands in other places, and what is not needed at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WINDOWED: Final = {
    "conv": "conv{}d",
    "convolution": "conv{}d",
    "convtranspose": "conv_transpose{}d",
    "deconvolution": "conv_transpose{}d",
    "deconv": "conv_transpose{}d",
    "maxpooling": "max_pool{}d",
    "maxpool": "max_pool{}d",
    "averagepooling": "avg_pool{}d",
    "averagepool": "avg_pool{}d",
    "avgpool": "avg_pool{}d",
    "meanpool": "avg_pool{}d",
    "globalaveragepooling": "adaptive_avg_pool{}d",
    "globalaveragepool": "adaptive_avg_pool{}d",
    "globalavgpool": "adaptive_avg_pool{}d",
    "globalmaxpooling": "adaptive_max_pool{}d",
    "globalmaxpool": "adaptive_max_pool{}d",
    "adaptiveavgpool": "adaptive_avg_pool{}d",
    "adaptivemaxpool": "adaptive_max_pool{}d",
    "zeropadding": "zero_pad{}d",
    "pad": "zero_pad{}d",
}
"""Words for layers that come in one to three dimensions; without a number two are meant."""

TYPE_WORDS: Final = {
    "dense": "linear",
    "fullyconnected": "linear",
    "fc": "linear",
    "innerproduct": "linear",
    "affine": "linear",
    "gemm": "linear",
    "lazylinear": "linear",
    "densegeneral": "linear",
    "batchnormalization": "batch_norm",
    "batchnorm1d": "batch_norm",
    "batchnorm2d": "batch_norm",
    "batchnorm3d": "batch_norm",
    "bn": "batch_norm",
    "layernormalization": "layer_norm",
    "groupnormalization": "group_norm",
    "localresponsenorm": "lrn",
    "localresponse": "lrn",
    "im2col": "unfold",
    "extractpatches": "unfold",
    "extractimagepatches": "unfold",
    "col2im": "fold",
    "localconnected1d": "locally_connected1d",
    "localconnected2d": "locally_connected2d",
    "localconv1d": "locally_connected1d",
    "localconv2d": "locally_connected2d",
    "moe": "mixture_of_experts",
    "mixtureofexperts": "mixture_of_experts",
    "localresponsenormalization": "lrn",
    "alphadropout": "dropout",
    "concatenate": "concat",
    "concatenation": "concat",
    "cat": "concat",
    "eltwise": "add",
    "sum": "add",
    "plus": "add",
    "residual": "add",
    "mul": "multiply",
    "attention": "multihead_attention",
    "selfattention": "multihead_attention",
    "mha": "multihead_attention",
    "view": "reshape",
    "upsampling1d": "upsample",
    "upsampling2d": "upsample",
    "upsampling3d": "upsample",
    "interpolate": "upsample",
    "resize": "upsample",
    "rectified": "relu",
    "rectifier": "relu",
    "swish": "silu",
    "hswish": "hardswish",
    "hsigmoid": "hardsigmoid",
    "logistic": "sigmoid",
    "lrelu": "leaky_relu",
    "linear": "identity",
    "none": "identity",
}
NOT_A_LAYER: Final = {
    "input": "an input is no layer: write its shape in `input:`, above `layers:`",
    "inputlayer": "an input is no layer: write its shape in `input:`, above `layers:`",
    "data": "an input is no layer: write its shape in `input:`, above `layers:`",
    "placeholder": "an input is no layer: write its shape in `input:`, above `layers:`",
    "activation": "name it on the layer before: `activation: relu`, or as a layer: `type: relu`",
    "pooling": "write `max_pool2d` or `avg_pool2d`",
    "pool": "write `max_pool2d` or `avg_pool2d`",
    "norm": "write `batch_norm`, `layer_norm` or `group_norm`",
    "depthwiseconv2d": "that is a `conv2d` here, with as many `groups` as it has input channels",
    "separableconv2d": "that is two layers here: a `conv2d` with as many `groups` as channels, and a `conv2d` of 1×1",
    "softmaxwithloss": "a loss is no layer: write `training: {loss: cross_entropy}`, and a `softmax` if it is wanted",
    "crossentropyloss": "a loss is no layer: write `training: {loss: cross_entropy}`",
    "bidirectional": "write `bidirectional: true` on the `lstm`, `gru` or `rnn` itself",
    "timedistributed": "write the layer itself: a `linear` acts at every position",
    "mlp": "write its layers one after the other: `{type: linear, out_features: 64, activation: relu}`",
    **dict.fromkeys(
        (
            "transformer",
            "transformerencoder",
            "transformerencoderlayer",
            "transformerdecoder",
            "transformerdecoderlayer",
            "transformerblock",
            "encoderlayer",
            "decoderlayer",
        ),
        "write it as a block of `multihead_attention`, `add`, `layer_norm` and `linear`, as `vit` has it",
    ),
    "sequential": "write its layers one after the other, below `layers:`",
}

OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("filters", "num_filters", "n_filters", "nb_filter", "num_kernels", "channels", "output_channels", "num_output",
         "units", "num_units", "n_units", "neurons", "hidden_units", "num_hidden", "output_dim", "out_dim", "features",
         "hidden_dim", "width", "output_size"),
        ("out_channels", "out_features", "hidden_size", "embedding_dim"),
    ),
    **dict.fromkeys(
        ("kernel", "ksize", "k", "kernel_shape", "filter_size", "window", "window_shape", "pool_size", "size"),
        ("kernel_size", "output_size", "shape"),
    ),
    "local_size": ("size",),
    **dict.fromkeys(("strides", "subsample", "window_strides", "step"), ("stride",)),
    **dict.fromkeys(("pad", "pads", "pad_size", "border_mode"), ("padding",)),
    **dict.fromkeys(("dilation_rate", "dilations", "kernel_dilation", "rhs_dilation"), ("dilation",)),
    **dict.fromkeys(("rate", "dropout", "dropout_rate", "drop_prob", "prob", "dropout_ratio"), ("p", "dilation")),
    **dict.fromkeys(("use_bias", "bias_term", "has_bias", "with_bias"), ("bias",)),
    **dict.fromkeys(("group", "num_group", "feature_group_count"), ("groups", "num_groups")),
    **dict.fromkeys(("epsilon", "variance_epsilon"), ("eps",)),
    **dict.fromkeys(("axis", "dims"), ("dim",)),
    **dict.fromkeys(("heads", "n_heads", "nhead", "num_attention_heads"), ("num_heads",)),
    **dict.fromkeys(("vocab_size", "num_tokens", "n_vocab", "input_dim"), ("num_embeddings",)),
    **dict.fromkeys(("target_shape", "new_shape"), ("shape",)),
    **dict.fromkeys(("alpha", "slope", "negative_slope", "leakiness"), ("negative_slope", "alpha")),
    **dict.fromkeys(("scale", "scales", "factor"), ("scale_factor",)),
    **dict.fromkeys(("interpolation", "method"), ("mode",)),
    **dict.fromkeys(("n_layers", "layers"), ("num_layers",)),
}  # fmt: skip
"""Options by other tools' words: the first of these names that a layer type has is meant."""

SAYS_TYPE: Final = ("type", "layer", "layer_type", "class", "class_name", "kind", "op", "operation", "module", "name")
"""Words under which others say what a layer is."""

PLACES: Final = {
    **dict.fromkeys(("act", "activation_fn", "act_fn", "nonlinearity"), "activation"),
    **dict.fromkeys(("inputs", "input", "bottom", "bottoms", "parents"), "from"),
    **dict.fromkeys(
        ("kernel_initializer", "weight_filler", "bias_filler", "initializer", "kernel_init", "w_init"), "init"
    ),
}
_KNOWN: Final = "remove it: what comes in is known from the layer above"
_DECAY: Final = "remove it: weight decay is said of the whole, `training: {weight_decay: 1.0e-4}`"
NEEDLESS: Final = {
    **dict.fromkeys(
        ("in_channels", "in_features", "input_size", "input_dim", "in_dim", "num_features", "num_channels",
         "input_channels", "embed_dim", "d_model", "qkv_features", "input_shape", "batch_input_shape"),
        _KNOWN,
    ),
    **dict.fromkeys(
        ("kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint", "weight_decay"), _DECAY
    ),
    **dict.fromkeys(("training", "deterministic", "use_running_average", "is_training"), "remove it"),
    "padding_mode": "put a layer such as `reflection_pad2d` or `circular_pad2d` before it, and write no `padding`",
    "top": "remove it: a layer's name stands before the colon",
    "operation": "remove it: `add`, `multiply` and `maximum` are types of their own",
    "global_pooling": "write `type: adaptive_avg_pool2d` with `output_size: 1`, or `adaptive_max_pool2d`",
    "axis": "remove it: channels come first",
    "start_dim": "to flatten some axes, write `{type: reshape, shape: [channels, -1]}`",
    "end_dim": "to flatten some axes, write `{type: reshape, shape: [channels, -1]}`",
    "name": "remove it: a layer's name stands before the colon",
    "data_format": "remove it: channels come first",
    "return_sequences": "remove it: an LSTM gives every position; `from: lstm.hidden` reads its last state",
    "return_state": "remove it: `from: lstm.hidden` reads the last state",
    "batch_first": "remove it: the batch is in no shape",
    "keep_prob": "write `p:`, the share that is dropped: 1 less this",
    "inplace": "remove it",
    "trainable": "remove it",
    "device": "remove it",
    "dtype": "remove it",
}  # fmt: skip
