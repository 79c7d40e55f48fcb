"""What PyTorch's functions are called and take; needs no PyTorch.

PyTorch's layers and a ``forward`` that is written with ``torch.nn.functional`` end in the same functions, under names
that differ in underscores alone.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

_WRITTEN: Final = (
    ("conv1d conv2d conv3d", "input weight bias stride=1 padding=0 dilation=1 groups=1"),
    ("conv_transpose1d conv_transpose2d conv_transpose3d",
     "input weight bias stride=1 padding=0 output_padding=0 groups=1 dilation=1"),
    ("max_pool1d max_pool2d max_pool3d", "input kernel_size stride padding=0 dilation=1 ceil_mode=False"),
    ("avg_pool1d avg_pool2d avg_pool3d",
     "input kernel_size stride padding=0 ceil_mode=False count_include_pad=True divisor_override"),
    ("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d", "input output_size"),
    ("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d", "input output_size"),
    ("linear", "input weight bias"),
    ("matmul mm bmm", "input other"),
    ("bilinear", "input1 input2 weight bias"),
    ("scaled_dot_product_attention", "query key value attn_mask dropout_p=0.0 is_causal=False scale enable_gqa=False"),
    ("einsum", "equation operands"),
    ("addmm", "bias input other"),
    ("embedding", "input weight padding_idx max_norm"),
    ("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", "input hx w_ih w_hh b_ih b_hh"),
    ("batch_norm", "input running_mean running_var weight bias training=False momentum=0.1 eps=1e-05"),
    ("layer_norm", "input normalized_shape weight bias eps=1e-05"),
    ("rms_norm", "input normalized_shape weight eps"),
    ("instance_norm", "input running_mean running_var weight bias use_input_stats=True momentum=0.1 eps=1e-05"),
    ("group_norm", "input num_groups weight bias eps=1e-05"),
    ("local_response_norm", "input size alpha=0.0001 beta=0.75 k=1.0"),
    ("unfold", "input kernel_size dilation=1 padding=0 stride=1"),
    ("fold", "input output_size kernel_size dilation=1 padding=0 stride=1"),
    ("dropout dropout1d dropout2d dropout3d feature_dropout alpha_dropout feature_alpha_dropout",
     "input p=0.5 training=True inplace=False"),
    ("flatten view reshape unflatten view_as reshape_as", "input"),
    ("permute", "input dims"),
    ("transpose swapaxes swapdims", "input dim0 dim1"),
    ("t T", "input dim0=0 dim1=1"),
    ("mT mH", "input dim0=-2 dim1=-1"),
    ("getitem", "input index"),
    ("narrow", "input dim start length"),
    ("slice", "input dim=0 start end step=1"),
    ("select", "input dim index"),
    ("split split_with_sizes unsafe_split", "input sizes dim=0"),
    ("chunk tensor_split unsafe_chunk", "input chunks dim=0"),
    ("unbind", "input dim=0"),
    ("squeeze", "input dim"),
    ("unsqueeze", "input dim"),
    ("stack", "tensors dim=0"),
    ("expand expand_as broadcast_to", "input"),
    ("repeat tile", "input repeats"),
    ("roll", "input shifts dims"),
    ("sum amax max amin min logsumexp", "input dim keepdim=False"),
    ("std var", "input dim unbiased keepdim=False correction"),
    ("normalize", "input p=2.0 dim=1 eps=1e-12"),
    ("maximum minimum", "input other"),
    ("glu", "input dim=-1"),
    ("pixel_shuffle", "input upscale_factor"),
    ("pixel_unshuffle", "input downscale_factor"),
    ("channel_shuffle", "input groups"),
    ("sub subtract isub rsub", "input other alpha=1"),
    ("div truediv itruediv divide true_divide rtruediv rdiv", "input other rounding_mode"),
    ("pow ipow", "input exponent"),
    ("square rsqrt reciprocal neg negative abs absolute exp log sqrt", "input"),
    ("cat concat concatenate", "tensors dim=0"),
    ("add radd iadd", "input other alpha=1"),
    ("mul rmul imul multiply", "input other"),
    ("mean", "input dim keepdim=False"),
    ("pad", "input pad mode='constant' value"),
    ("interpolate upsample",
     "input size scale_factor mode='nearest' align_corners recompute_scale_factor antialias=False"),
    ("softmax log_softmax softmin", "input dim"),
    ("relu relu6 selu silu sigmoid tanh hardsigmoid hardswish", "input"),
    ("mish softsign tanhshrink logsigmoid log_sigmoid", "input"),
    ("leaky_relu", "input negative_slope=0.01"),
    ("elu celu", "input alpha=1.0"),
    ("softshrink hardshrink", "input lambd=0.5"),
    ("threshold", "input threshold value"),
    ("rrelu", "input lower=0.125 upper=0.3333333333333333 training=False"),
    ("gelu", "input approximate='none'"),
    ("hardtanh", "input min_val=-1.0 max_val=1.0"),
    ("clamp clip", "input min max"),
    ("clamp_min", "input min"),
    ("softplus", "input beta=1.0 threshold=20"),
    ("prelu", "input weight"),
)  # fmt: skip

SIGNATURES: Final[Mapping[str, str]] = MappingProxyType(
    {name: signature for names, signature in _WRITTEN for name in names.split()}
)
"""Parameters of each function in order, with what PyTorch takes where none is given; None where nothing is said."""


_SPREAD: Final = frozenset({"permute", "repeat", "tile", "einsum"})
"""Functions that take a list of numbers as arguments of their own, too."""

_NUMPYS: Final[Mapping[str, str]] = MappingProxyType({"axis": "dim", "keepdims": "keepdim", "axis0": "dim0",
                                                      "axis1": "dim1"})  # fmt: skip
"""NumPy's names of arguments that PyTorch takes as well."""


def plain_name(name: str) -> str:
    """A function by its plain name, whether it is an operator, works in place, or is the inside of another.

    >>> plain_name("__add__"), plain_name("relu_"), plain_name("_max_pool2d"), plain_name("tanh.default")
    ('add', 'relu', 'max_pool2d', 'tanh')
    """
    return name.partition(".")[0].strip("_").removesuffix("_with_indices")


def bound(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name, whether they were given by position, by name or not at all.

    >>> bound("elu", ["x"], {}), bound("elu", [], {"input": "x", "alpha": 2})
    ({'input': 'x', 'alpha': 1.0}, {'input': 'x', 'alpha': 2})
    """
    if name in _SPREAD and len(args) > 2:  # `x.permute(0, 2, 1)`
        args = (args[0], tuple(args[1:]))
    named = {_NUMPYS.get(key, key): value for key, value in kwargs.items()} if kwargs else kwargs
    return {
        key: args[place] if place < len(args) else named.get(key, default)
        for place, (key, default) in enumerate(_parameters(name))
    }


def as_at_inference(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """A call that is told to train as it is told at inference: what a layer type says of both ways.

    >>> as_at_inference("dropout", ("x", 0.5, True), {}), as_at_inference("dropout", ("x",), {"training": True})
    ((('x', 0.5, False), {}), (('x',), {'training': False}))
    """
    names = [each for each, _ in _parameters(name)] if name in SIGNATURES else []
    if "training" not in names:
        return args, kwargs
    place = names.index("training")
    if place < len(args):
        return (*args[:place], False, *args[place + 1 :]), kwargs
    return args, {**kwargs, "training": False}


def drops(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call drops values: as while training, with a probability that is not 0.

    >>> drops("dropout", ("x", 0.5, True), {}), drops("dropout", ("x", 0.0), {})
    (True, False)
    """
    if "dropout" not in name or name not in SIGNATURES:
        return False
    given = bound(name, args, kwargs)
    return bool(given["training"]) and given["p"] != 0


@cache
def _parameters(name: str) -> tuple[tuple[str, Any], ...]:
    """A function's parameters in order, with what each is where it is not given."""
    parts = (parameter.partition("=") for parameter in SIGNATURES[name].split())
    return tuple((key, literal_eval(default or "None")) for key, _, default in parts)


def each_axis(value: Any, axes: int) -> tuple[int, ...]:
    """One number for each axis, however it was written.

    >>> each_axis(3, 2), each_axis([3], 2), each_axis((3, 5), 2)
    ((3, 3), (3, 3), (3, 5))
    """
    many = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return tuple(int(each) for each in (many * axes if len(many) == 1 else many))


def over_grid(dim: Any, rank: int) -> bool:
    """Whether axes of a batch of maps are all those of the grid, however they are counted.

    >>> over_grid((-1, -2), 4), over_grid(2, 3), over_grid(1, 4), over_grid(None, 4)
    (True, True, False, False)
    """
    chosen = [] if dim is None else sorted(each % rank for each in each_axis(dim, 1))
    return 3 <= rank <= 5 and chosen == list(range(2, rank))
