"""A layer of every type, and of every option that changes what is built, with the shapes it is given."""

from __future__ import annotations

from archscope.layers import TYPES, Layer, Shape

Case = tuple[Layer, tuple[Shape, ...]]

_TABLE = [[0, 1], [1, 2], [0, 1, 2], [2], [3, 0]]


def _of(type: str, *inputs: Shape, **options: object) -> Case:
    return TYPES[type](**options), inputs


MAPS1, MAPS2, MAPS3 = (4, 19), (4, 13, 17), (4, 7, 9, 8)
WINDOWS = [
    {"kernel_size": 3},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 2, "stride": 2, "padding": "same"},
    {"kernel_size": 3, "stride": 2, "padding": "same"},
]
CONVOLUTIONS = [
    *WINDOWS,
    {"kernel_size": 3, "groups": 2, "bias": False},
    {"kernel_size": 3, "dilation": 2, "padding": 2},
    {"kernel_size": 2, "dilation": 3, "padding": "same"},
]
TRANSPOSED = [
    {"kernel_size": 3},
    {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
    {"kernel_size": 2, "stride": 2, "groups": 2, "bias": False},
    {"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 1},
]
POOLS = [*WINDOWS, {"kernel_size": 3, "stride": 2, "ceil_mode": True},
         {"kernel_size": 2, "stride": 2, "padding": 1, "ceil_mode": True}]  # fmt: skip

CASES: list[Case] = [
    *(_of(f"conv{n}d", maps, out_channels=6, **options)
      for n, maps in ((1, MAPS1), (2, MAPS2), (3, MAPS3)) for options in CONVOLUTIONS),
    _of("conv1d", MAPS1, out_channels=6, kernel_size=4, padding=[2, 1]),
    _of("conv2d", MAPS2, out_channels=6, kernel_size=(3, 5), stride=(2, 1), padding=(1, 2)),
    _of("conv2d", MAPS2, out_channels=6, kernel_size=4, padding=[2, 1, 0, 3]),
    _of("conv3d", MAPS3, out_channels=6, kernel_size=2, padding=[1, 0, 0, 1, 1, 1]),
    _of("conv2d", (3, 32, 32), out_channels=8, kernel_size=11, stride=4, padding="same"),
    _of("conv2d", MAPS2, out_channels=5, kernel_size=3, connection_table=_TABLE),
    _of("conv2d", MAPS2, out_channels=5, kernel_size=3, stride=2, padding=1, bias=False, connection_table=_TABLE),
    _of("conv2d", MAPS2, out_channels=5, kernel_size=4, stride=3, padding="same", connection_table=_TABLE),
    *(_of(f"conv_transpose{n}d", maps, out_channels=6, **options)
      for n, maps in ((1, (4, 9)), (2, (4, 5, 6)), (3, (4, 3, 4, 5))) for options in TRANSPOSED),
    _of("conv_transpose1d", (4, 9), out_channels=6, kernel_size=4, stride=2, padding=[1, 0]),
    _of("conv_transpose2d", (4, 5, 6), out_channels=6, kernel_size=4, stride=2, padding=[1, 0, 2, 1]),
    _of("conv_transpose3d", (4, 3, 4, 5), out_channels=6, kernel_size=2, stride=2, padding=[1, 0, 0, 1, 1, 0],
        output_padding=1),
    *(_of(f"{kind}_pool{n}d", maps, **options)
      for kind in ("max", "avg") for n, maps in ((1, MAPS1), (2, MAPS2), (3, MAPS3)) for options in POOLS),
    _of("max_pool2d", MAPS2, kernel_size=3, stride=2, dilation=2),
    _of("max_pool2d", MAPS2, kernel_size=3, stride=2, padding=[1, 0, 0, 1]),
    _of("max_pool2d", (2, 6, 6), kernel_size=2, stride=2, padding=[0, 1, 0, 1], ceil_mode=True),
    _of("max_pool1d", MAPS1, kernel_size=3, dilation=2, padding="same"),
    _of("avg_pool2d", MAPS2, kernel_size=3, stride=2, padding=1, count_include_pad=False),
    _of("avg_pool2d", MAPS2, kernel_size=3, stride=2, padding=[1, 0, 0, 1], count_include_pad=False),
    _of("avg_pool2d", (2, 6, 6), kernel_size=2, stride=2, padding=[0, 1, 0, 1], ceil_mode=True),
    *(_of(f"adaptive_{kind}_pool{n}d", maps, output_size=size)
      for kind in ("avg", "max") for n, maps in ((1, MAPS1), (2, MAPS2), (3, MAPS3)) for size in (1, 3)),
    _of("adaptive_avg_pool2d", MAPS2, output_size=(2, 4)),
    _of("subsampling", (6, 28, 28), kernel_size=2),
    _of("subsampling", (6, 13, 17), kernel_size=3, stride=2),
    _of("subsampling", (2, 5, 7), kernel_size=2),
    _of("linear", (12,), out_features=7),
    _of("linear", (12,), out_features=7, bias=False),
    _of("linear", (5, 12), out_features=7),
    _of("rbf", (12,), out_features=3),
    _of("rbf", (12,), out_features=3, trainable=True),
    _of("rbf", (4,), out_features=2, codes=["#. .#", "####"]),
    _of("embedding", (6,), num_embeddings=50, embedding_dim=8),
    _of("lrn", MAPS2, size=5, alpha=5e-4, beta=0.75, k=2),
    _of("lrn", MAPS1, size=3),
    *(_of("batch_norm", shape) for shape in ((5,), MAPS1, MAPS2, MAPS3)),
    _of("batch_norm", MAPS2, affine=False),
    _of("batch_norm", MAPS2, track_running_stats=False),
    _of("layer_norm", (6, 16)),
    _of("layer_norm", (6, 16), normalized_shape=16),
    _of("layer_norm", (6, 16), normalized_shape=16, bias=False),
    _of("layer_norm", MAPS2, elementwise_affine=False),
    _of("group_norm", MAPS2, num_groups=2),
    _of("group_norm", MAPS2, num_groups=2, affine=False),
    _of("dropout", (12,), p=0.4),
    _of("flatten", MAPS2),
    _of("reshape", (12,), shape=[3, -1]),
    _of("zero_pad1d", MAPS1, padding=[2, 1]),
    _of("zero_pad2d", MAPS2, padding=[1, 2, 3, 4]),
    _of("zero_pad3d", MAPS3, padding=[1, 2, 3, 4, 5, 6]),
    _of("upsample", MAPS1, scale_factor=2, mode="linear"),
    _of("upsample", MAPS2, scale_factor=2),
    _of("upsample", (3, 4, 5), scale_factor=0.25),
    _of("upsample", (3, 4, 5), size=1),
    _of("upsample", MAPS2, scale_factor=[1.5, 2.3], mode="bilinear"),
    _of("upsample", MAPS2, size=[20, 30], mode="bicubic"),
    _of("upsample", MAPS3, size=10, mode="trilinear"),
    _of("add", MAPS2, MAPS2, MAPS2),
    _of("add", MAPS2, (4, 1, 1)),
    _of("multiply", MAPS2, (4, 1, 1)),
    _of("concat", MAPS2, (3, 13, 17)),
    _of("concat", MAPS2, (4, 13, 2), dim=-1),
    _of("concat", MAPS2, (4, 2, 17), dim=1),
    _of("multihead_attention", (6, 16), num_heads=4),
    _of("multihead_attention", (6, 16), (5, 16), num_heads=4, bias=False),
    _of("multihead_attention", (6, 16), (5, 12), (5, 10), num_heads=4),
    _of("multihead_attention", (6, 16), (5, 12), num_heads=2, bias=False),
    *(_of(cell, (6, 12), hidden_size=8, **options)
      for cell in ("lstm", "gru")
      for options in ({}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}, {"bias": False})),
    _of("permute", MAPS2, dims=[1, 2, 0]),
    _of("permute", MAPS2, dims=[2, -2, 0]),
    _of("permute", MAPS1, dims=[1, 0]),
    _of("permute", MAPS3, dims=[0, 3, 1, 2]),
    _of("transpose", MAPS2, dim0=0, dim1=-1),
    _of("transpose", MAPS2, dim0=1, dim1=2),
    _of("transpose", MAPS1, dim0=1, dim1=0),
    _of("squeeze", (1, 13, 1)),
    _of("squeeze", (1, 13, 1), dim=0),
    _of("squeeze", (1, 13, 1), dim=-1),
    _of("squeeze", (4, 1, 5, 1), dim=[1, 3]),
    _of("unsqueeze", MAPS1, dim=0),
    _of("unsqueeze", MAPS1, dim=1),
    _of("unsqueeze", MAPS2, dim=-1),
    _of("expand", (4, 1, 17), size=[-1, 13, -1]),
    _of("expand", (1, 13, 17), size=[4, 13, 17]),
    _of("slice", MAPS2, end=3),
    _of("slice", MAPS2, start=1, step=2),
    _of("slice", MAPS2, dim=1, start=-5, end=-1),
    _of("slice", MAPS2, dim=-1, start=2, end=15, step=3),
    _of("select", MAPS2, index=-2),
    _of("select", MAPS2, dim=1, index=3),
    _of("select", (4, 6, 5, 3), dim=-1, index=1),
    _of("split", MAPS2, split_size=[1, 3]),
    _of("split", MAPS2, split_size=[4, 6, 3], dim=1),
    _of("split", MAPS1, split_size=[19], dim=-1),
    _of("chunk", MAPS2, chunks=2),
    _of("chunk", MAPS2, chunks=3, dim=2),
    _of("crop", MAPS2, (6, 8, 10)),
    _of("crop", MAPS2, (6, 8, 10), offset=[5, 1]),
    _of("crop", MAPS1, (6, 8), offset=3),
    *(_of(name, MAPS2, **options) for name in ("mean", "sum", "max") for options in (
        {"dim": [1, 2]}, {"dim": 0}, {"dim": -1}, {"dim": [0, 2]}, {"dim": [1, 2], "keepdim": True},
        {"dim": 0, "keepdim": True}, {"dim": 2, "keepdim": True})),
    _of("subtract", MAPS2, MAPS2),
    _of("subtract", (4, 1, 1), MAPS2),
    _of("divide", MAPS2, (4, 1, 17)),
    _of("abs", MAPS2),
    _of("exp", MAPS2),
    _of("log", MAPS2),
    _of("sqrt", MAPS2),
    _of("power", MAPS2, exponent=2),
    _of("power", MAPS2, exponent=-0.5),
    _of("scale", MAPS2, factor=0.125),
    _of("scale", MAPS2, factor=-1, shift=1),
    _of("scale", MAPS2, shift=-0.5),
    *(_of(name, MAPS2) for name in (
        "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "scaled_tanh", "hardtanh",
        "hardsigmoid", "hardswish", "softplus", "identity", "prelu", "softmax", "log_softmax",
        "mish", "celu", "softsign", "logsigmoid", "tanhshrink", "softshrink", "hardshrink", "rrelu", "softmin",
        "softmax2d")),
    _of("celu", MAPS2, alpha=0.5),
    _of("softshrink", MAPS2, lambd=0.25),
    _of("hardshrink", MAPS2, lambd=0.25),
    _of("threshold", MAPS2, threshold=0.2, value=-1),
    _of("rrelu", MAPS2, lower=0.1, upper=0.3),
    _of("softmin", MAPS2, dim=-1),
    _of("prelu", MAPS2, num_parameters=4),
    _of("softmax", MAPS2, dim=2),
    _of("log_softmax", MAPS2, dim=-3),
    _of("softmax", (6, 16), dim=1),
    _of("log_softmax", (6, 16), dim=0),
    _of("softmax", (5,)),
]  # fmt: skip


def name_of(case: Case) -> str:
    """A readable name for a test."""
    layer, inputs = case
    options = ",".join(f"{name}={value}" for name, value in layer.stated().items() if name != "connection_table")
    return f"{layer.type}({options})-{'-'.join('x'.join(map(str, shape)) for shape in inputs)}"
