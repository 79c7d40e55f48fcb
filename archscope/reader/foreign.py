"""The words of other tools, and what a spec says for them: PyTorch's classes, Keras, TensorFlow, JAX, Caffe.

A spec says a thing in one way; who writes another tool's word is told this one.

>>> remedy_of_type("InnerProduct", ["linear", "relu"], what="layer types")
'that is a `linear` here'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from archscope.errors import did_you_mean, listed, nearest
from archscope.options import spell

_WINDOWED: Final = {
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

_TYPES: Final = {
    "dense": "linear",
    "fullyconnected": "linear",
    "fc": "linear",
    "innerproduct": "linear",
    "affine": "linear",
    "gemm": "linear",
    "lazylinear": "linear",
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
_SLIP: Final = 0.85
"""How alike two words are of which one has a letter too many; `Conv2d` and `conv` are less so."""

_NOT_A_LAYER: Final = {
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
    "sequential": "write its layers one after the other, below `layers:`",
}

OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("filters", "num_filters", "n_filters", "nb_filter", "num_kernels", "channels", "output_channels", "num_output",
         "units", "num_units", "n_units", "neurons", "hidden_units", "num_hidden", "output_dim", "out_dim", "features",
         "hidden_dim", "width"),
        ("out_channels", "out_features", "hidden_size", "embedding_dim"),
    ),
    **dict.fromkeys(
        ("kernel", "ksize", "k", "kernel_shape", "filter_size", "window", "window_shape", "pool_size", "size"),
        ("kernel_size", "output_size", "shape"),
    ),
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

_PLACES: Final = {
    **dict.fromkeys(("act", "activation_fn", "act_fn", "nonlinearity"), "activation"),
    **dict.fromkeys(("inputs", "input", "bottom", "bottoms", "parents"), "from"),
    **dict.fromkeys(("kernel_initializer", "weight_filler", "initializer", "kernel_init"), "init"),
}
_KNOWN: Final = "remove it: what comes in is known from the layer above"
_NEEDLESS: Final = {
    **dict.fromkeys(
        ("in_channels", "in_features", "input_size", "input_dim", "in_dim", "num_features", "num_channels",
         "input_channels", "embed_dim", "input_shape", "batch_input_shape"),
        _KNOWN,
    ),
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


def type_for(name: str, names: Iterable[str]) -> str | None:
    """The layer type that another tool's word means, if it is one of ``names``.

    >>> [type_for(word, ["conv2d", "relu", "silu", "leaky_relu"]) for word in ("nn.Conv2D", "Swish", "leakyrelu")]
    ['conv2d', 'silu', 'leaky_relu']
    """
    known = tuple(names)
    word = _folded(name)
    found = _by_word(known).get(word) or _TYPES.get(word)
    if found is None:
        stem, axes = (word[:-2], word[-2]) if re.search("[123]d$", word) else (word, "2")
        found = _WINDOWED.get(stem, "").format(axes)
    return found if found and found in known else None


@lru_cache(maxsize=8)
def _by_word(names: tuple[str, ...]) -> dict[str, str]:
    """Names by what is left of them without signs; a spec with one mistake has it in many places."""
    return {_folded(each): each for each in names}


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.rpartition(".")[2].casefold())


def meant_type(name: str, names: Iterable[str], *, own: Iterable[str] = ()) -> str | None:
    """As `type_for`, of a call in Python as well, ``nn.ReLU()``; a block of the spec's ``own`` comes first."""
    return slip_of(name, own) or type_for(name.partition("(")[0], [*own, *names])


def slip_of(name: str, blocks: Iterable[str]) -> str | None:
    """The block that is a letter away from a name.

    >>> slip_of("conv3", ["conv"]), slip_of("Conv3d", ["conv"])
    ('conv', None)
    """
    return nearest(name, blocks, at_least=_SLIP)


def remedy_of_type(name: str, names: Iterable[str], *, what: str, own: Iterable[str] = ()) -> str:
    """What to write for an unknown type: this language's word for another tool's, or a near one.

    A block of the spec's ``own`` that is a letter away comes before the types that every spec has.
    """
    blocks = list(own)
    slip = slip_of(name, blocks)
    if slip is not None:
        return f"did you mean `{slip}`?"
    known = [*blocks, *names]
    call = re.fullmatch(r"\s*([A-Za-z_][\w.]*)\s*\((.*)\)\s*", name)
    if call is not None:
        meant = type_for(call[1], known)
        return (
            f"did you mean `{meant}`? {_stated(meant, call[1], call[2])}"
            if meant
            else f"{what} take their options by name"
        )
    meant = type_for(name, known)
    if meant is not None:
        near = _folded(meant) == _folded(name)
        size = " with `output_size: 1`" if _is_global(name) else ""
        return f"did you mean `{meant}`?" if near else f"that is {_one(meant)} here{size}"
    return _NOT_A_LAYER.get(_folded(name)) or did_you_mean(name, known, what=what)


def says_options(name: str) -> bool:
    """Whether a type's word says its options as well: a call has them in its brackets, a global pooling in its name.

    >>> says_options("nn.Conv2d(3, 8, 3)"), says_options("GlobalAveragePooling2D"), says_options("Conv2D")
    (True, True, False)
    """
    return "(" in name or _is_global(name)


def _is_global(name: str) -> bool:
    return _folded(name).startswith("global")


def _one(type_: str) -> str:
    return f"{'an' if type_[0] in 'aeiou' or type_ == 'lstm' else 'a'} `{type_}`"


_COMES_IN: Final = {
    r"(Conv|ConvTranspose|BatchNorm|InstanceNorm)\dd": 1,
    r"Linear|MultiheadAttention|RNNCell|LSTMCell|GRUCell": 1,
    r"RNN|LSTM|GRU": 1,
    r"Bilinear": 2,
}
"""How many arguments PyTorch's classes have in front for what comes in, by their names."""
_ALONE: Final = re.compile("RNN|LSTM|GRU")
"""Those that are spelled so in Keras too, whose first argument alone is what they make."""


def _stated(type_: str, name: str, arguments: str) -> str:
    """How a spec states what stood in a call's brackets."""
    from archscope.layers import TYPES

    given = [each.strip() for each in arguments.split(",") if each.strip()]
    class_ = name.rpartition(".")[2]
    first = next((many for names, many in _COMES_IN.items() if re.fullmatch(names, class_)), 0)
    plain = [each for each in given if "=" not in each]
    if len(plain) > 1 or not _ALONE.fullmatch(class_):
        given = given[len(plain[:first]) :]
    if not given:
        return f"Write `{type_}`"
    names = list(TYPES[type_].options)[: 1 if type_ == "group_norm" else None]
    pairs = [each.split("=", 1) if "=" in each else (name, each) for each, name in zip(given, names, strict=False)]
    shown = ", ".join(f"{name.strip()}: {value.strip().lower()}" for name, value in pairs)
    return f"Write `{{type: {type_}, {shown}}}`" if pairs else f"Write `{type_}`"


def option_for(name: str, declared: Iterable[str]) -> str | None:
    """The option that another tool's word means, if a layer type has it.

    >>> option_for("filters", ["out_channels", "kernel_size"]), option_for("units", ["hidden_size"])
    ('out_channels', 'hidden_size')
    """
    known = set(declared)
    return next((each for each in OPTIONS.get(name.casefold(), ()) if each in known), None)


def remedy_of_option(name: str, value: Any, declared: Iterable[str]) -> str:
    """What to write for an unknown option."""
    known = list(declared)
    meant = option_for(name, known)
    if meant is not None:
        return f"write `{meant}: {_yaml(value)}`"
    word = name.casefold()
    if word in _PLACES:
        return f"write `{_PLACES[word]}:`"
    if value is None and known and re.fullmatch(r"\d+", name):
        return f"options go by name: `{known[0]}: {name}`"
    if re.fullmatch(r"[^(]*\)", name):
        return "write a list in square brackets: `[3, 3]`"
    if "dropout" in word:
        return "remove it: dropping is a layer of its own, `{type: dropout, p: 0.1}`"
    return _NEEDLESS.get(word) or did_you_mean(name, known, what="options")


_OF_A_BLOCK: Final = {
    **dict.fromkeys(("times", "copies", "n", "num", "number", "count", "depth", "reps", "repeats", "repetitions",
                     "layers", "num_layers", "n_layers", "blocks", "num_blocks", "n_blocks"), "repeat"),
    **_PLACES,
}  # fmt: skip
"""Words for what every use of a block can say."""


def remedy_of_block_option(name: str, block: str, own: Iterable[str], all_have: Iterable[str]) -> str:
    """What to write for an option that a block has not.

    >>> remedy_of_block_option("times", "conv", ["c", "k"], ["repeat", "from"])
    'write `repeat:`'
    """
    options, common = list(own), list(all_have)
    near = did_you_mean(name, options, what="")
    if near.startswith("did you mean"):
        return near
    word = name.casefold()
    if options and re.fullmatch(r"\d+", name):
        return f"options go by name: `{options[0]}: {name}`"
    if word in _OF_A_BLOCK:
        return f"write `{_OF_A_BLOCK[word]}:`"
    near = did_you_mean(name, common, what="")
    if near.startswith("did you mean"):
        return near
    has = f"the options of `{block}` are {listed(options)}" if options else f"`{block}` has no options"
    return f"{has}; to give it one more, name it in the block's `options:`"


def remedy_of_name(value: Any, names: Iterable[str]) -> str | None:
    """What to write for a text where the value of a name was meant: `c`, `{c}` or `%c` for `$c`.

    >>> remedy_of_name("{{c}}", ["c", "k"]), remedy_of_name("eight", ["c"])
    ('write `$c` for the value of `c`', None)
    """
    found = re.fullmatch(r"[\s{}%<>()$@]*([A-Za-z_]\w*)[\s{}%<>()]*", value) if isinstance(value, str) else None
    return f"write `${found[1]}` for the value of `{found[1]}`" if found and found[1] in set(names) else None


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else spell(value)


def remedy_of_value(value: Any) -> str | None:
    """What to write for a text that was to be a number, a list or nothing; None if nothing comes to mind.

    >>> remedy_of_value("50%"), remedy_of_value("3x3"), remedy_of_value("(3, 3)")
    ('write 0.5', 'write [3, 3]', 'write [3, 3]')
    """
    if not isinstance(value, str) or len(value) > 40:
        return None
    text = value.strip()
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if percent:
        return f"write {float(percent[1]) / 100:g}"
    sides = re.fullmatch(r"\(?\s*(\d+)\s*[x×*,]\s*(\d+)\s*(?:[x×*,]\s*(\d+)\s*)?,?\s*\)?", text)
    if sides:
        return f"write [{', '.join(each for each in sides.groups() if each)}]"
    if text.startswith("("):
        return "write a list in square brackets: `[3, 3]`"
    if re.fullmatch(r"[-+]?\d+(\.\d+)?", text):
        return f"remove the quotes: {text}"
    if re.fullmatch(r"\d{1,3}(,\d{3})+", text):
        return f"write {text.replace(',', '')}"
    return None
