"""Twenty networks that were published, written as specs: ``{name: (text, parameters, warnings that are true of it)}``.

The parameters are those that torchvision, Keras or the paper give, or, where none does, worked out beside the network.
"""

from __future__ import annotations

from collections.abc import Iterable


class Spec:
    """Lines of a spec, one after the other, numbered."""

    def __init__(self, input: str, training: bool = True) -> None:
        self.input = input
        self.lines: list[str] = []
        self.training = training

    def add(self, type_: str, **options: object) -> str:
        """Another layer; its name."""
        name = f"l{len(self.lines)}"
        stated = {"type": type_, **{key.rstrip("_"): value for key, value in options.items()}}
        body = ", ".join(f"{key}: {str(value).lower() if isinstance(value, bool) else value}"
                         for key, value in stated.items()).replace("'", "")  # fmt: skip
        self.lines.append(f"  {name}: {{{body}}}")
        return name

    def conv(self, n: int, k: object, **options: object) -> str:
        return self.add("conv2d", out_channels=n, kernel_size=k, **options)

    def conv_bn(self, n: int, k: object, act: str | None = "relu", **options: object) -> str:
        self.conv(n, k, bias=False, **options)
        return self.add("batch_norm", **({} if act is None else {"activation": act}))

    def dense(self, n: int, **options: object) -> str:
        return self.add("linear", out_features=n, **options)

    def text(self) -> str:
        ends = "training: {loss: cross_entropy}\n" if self.training else ""
        return f"input: {self.input}\nlayers:\n" + "\n".join(self.lines) + "\n" + ends


def _vgg16(norm: bool) -> str:
    s = Spec("[3, 224, 224]")
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            if norm:
                s.conv(width, 3, padding=1)
                s.add("batch_norm", activation="relu")
            else:
                s.conv(width, 3, padding=1, activation="relu")
        s.add("max_pool2d", kernel_size=2)
    s.add("flatten")
    for width in (4096, 4096):
        s.dense(width, activation="relu")
        s.add("dropout")
    s.dense(1000)
    return s.text()


def _resnet(blocks: Iterable[int], bottleneck: bool, stride_first: bool = False) -> str:
    s = Spec("[3, 224, 224]")
    s.conv_bn(64, 7, stride=2, padding=3)
    above = s.add("max_pool2d", kernel_size=3, stride=2, padding=1)
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        out = width * (4 if bottleneck else 1)
        for block in range(count):
            stride = 2 if stage and not block else 1
            if bottleneck:
                first = (stride, 1) if stride_first else (1, stride)
                s.conv_bn(width, 1, stride=first[0], from_=above)
                s.conv_bn(width, 3, stride=first[1], padding=1)
                last = s.conv_bn(out, 1, act=None)
            else:
                s.conv_bn(width, 3, stride=stride, padding=1, from_=above)
                last = s.conv_bn(width, 3, act=None, padding=1)
            if stride != 1 or channels != out:
                above = s.conv_bn(out, 1, act=None, stride=stride, from_=above)
            above = s.add("add", from_=[last, above], activation="relu")
            channels = out
    s.add("adaptive_avg_pool2d", output_size=1)
    s.add("flatten")
    s.dense(1000)
    return s.text()


def _mobilenet_v1() -> str:
    s = Spec("[3, 224, 224]")
    s.conv_bn(32, 3, stride=2, padding=1)
    channels = 32
    steps = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for out, stride in steps:
        s.conv_bn(channels, 3, stride=stride, padding=1, groups=channels)
        s.conv_bn(out, 1)
        channels = out
    s.add("adaptive_avg_pool2d", output_size=1)
    s.add("flatten")
    s.dense(1000)
    return s.text()


def _mobilenet_v2() -> str:
    s = Spec("[3, 224, 224]")
    above = s.conv_bn(32, 3, "relu6", stride=2, padding=1)
    channels = 32
    for wide, out, count, step in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                   (6, 160, 3, 2), (6, 320, 1, 1)):  # fmt: skip
        for block in range(count):
            stride = step if block == 0 else 1
            hidden = channels * wide
            if wide != 1:
                s.conv_bn(hidden, 1, "relu6")
            s.conv_bn(hidden, 3, "relu6", stride=stride, padding=1, groups=hidden)
            last = s.conv_bn(out, 1, act=None)
            above = s.add("add", from_=[last, above]) if stride == 1 and channels == out else last
            channels = out
    s.conv_bn(1280, 1, "relu6")
    s.add("adaptive_avg_pool2d", output_size=1)
    s.add("flatten")
    s.add("dropout", p=0.2)
    s.dense(1000)
    return s.text()


def _squeezenet() -> str:
    s = Spec("[3, 224, 224]")
    s.conv(64, 3, stride=2, activation="relu")
    s.add("max_pool2d", kernel_size=3, stride=2, ceil_mode=True)
    for place, (squeeze, expand) in enumerate(((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192),
                                               (64, 256), (64, 256))):  # fmt: skip
        squeezed = s.conv(squeeze, 1, activation="relu")
        one = s.conv(expand, 1, activation="relu")
        three = s.conv(expand, 3, padding=1, activation="relu", from_=squeezed)
        s.add("concat", from_=[one, three])
        if place in (1, 3):
            s.add("max_pool2d", kernel_size=3, stride=2, ceil_mode=True)
    s.add("dropout")
    s.conv(1000, 1, activation="relu")
    s.add("adaptive_avg_pool2d", output_size=1)
    s.add("flatten")
    return s.text()


def _unet() -> str:
    s = Spec("[1, 572, 572]", training=False)
    kept: list[str] = []
    for width in (64, 128, 256, 512):
        s.conv(width, 3, activation="relu")
        kept.append(s.conv(width, 3, activation="relu"))
        s.add("max_pool2d", kernel_size=2)
    s.conv(1024, 3, activation="relu")
    s.conv(1024, 3, activation="relu")
    for width, side in ((512, 56), (256, 104), (128, 200), (64, 392)):
        up = s.add("conv_transpose2d", out_channels=width, kernel_size=2, stride=2)
        cut = s.add("upsample", size=side, from_=kept.pop())
        s.add("concat", from_=[cut, up])
        s.conv(width, 3, activation="relu")
        s.conv(width, 3, activation="relu")
    s.conv(2, 1)
    return s.text()


def _generator() -> str:
    s = Spec("[100, 1, 1]", training=False)
    for place, width in enumerate((512, 256, 128, 64)):
        stride, padding = (1, 0) if place == 0 else (2, 1)
        s.add("conv_transpose2d", out_channels=width, kernel_size=4, stride=stride, padding=padding, bias=False)
        s.add("batch_norm", activation="relu")
    s.add("conv_transpose2d", out_channels=3, kernel_size=4, stride=2, padding=1, bias=False, activation="tanh")
    return s.text()


def _discriminator() -> str:
    s = Spec("[3, 64, 64]", training=False)
    slope = "{type: leaky_relu, negative_slope: 0.2}"
    s.conv(64, 4, stride=2, padding=1, bias=False, activation=slope)
    for width in (128, 256, 512):
        s.conv(width, 4, stride=2, padding=1, bias=False)
        s.add("batch_norm", activation=slope)
    s.conv(1, 4, bias=False, activation="sigmoid")
    return s.text()


def _encoder(layers: int, width: int, hidden: int, heads: int) -> str:
    s = Spec("[128]", training=False)
    above = s.add("embedding", num_embeddings=10_000, embedding_dim=width)
    for _ in range(layers):
        s.add("multihead_attention", num_heads=heads)
        s.add("add", from_=[f"l{len(s.lines) - 1}", above])
        above = s.add("layer_norm", normalized_shape=width)
        s.dense(hidden, activation="gelu")
        s.dense(width)
        s.add("add", from_=[f"l{len(s.lines) - 1}", above])
        above = s.add("layer_norm", normalized_shape=width)
    return s.text()


def _language_model() -> str:
    s = Spec("[35]")
    s.add("embedding", num_embeddings=10_000, embedding_dim=650)
    s.add("dropout")
    s.add("lstm", hidden_size=650, num_layers=2)
    s.add("dropout")
    s.dense(10_000, activation="{type: softmax, dim: 1}")
    return s.text()


def _densenet() -> str:
    s = Spec("[3, 224, 224]")
    s.conv_bn(64, 7, stride=2, padding=3)
    above, channels = s.add("max_pool2d", kernel_size=3, stride=2, padding=1), 64
    for stage, count in enumerate((6, 12, 24, 16)):
        for _ in range(count):
            s.add("batch_norm", activation="relu", from_=above)
            s.conv_bn(128, 1)
            new = s.conv(32, 3, padding=1, bias=False)
            above, channels = s.add("concat", from_=[above, new]), channels + 32
        s.add("batch_norm", activation="relu")
        if stage < 3:
            channels //= 2
            s.conv(channels, 1, bias=False)
            above = s.add("avg_pool2d", kernel_size=2)
    s.add("adaptive_avg_pool2d", output_size=1)
    s.add("flatten")
    s.dense(1000)
    return s.text()


def _nin() -> str:
    s = Spec("[3, 32, 32]")
    for widths, kernel in (((192, 160, 96), 5), ((192, 192, 192), 5), ((192, 192, 10), 3)):
        s.conv(widths[0], kernel, padding=kernel // 2, activation="relu")
        for width in widths[1:]:
            s.conv(width, 1, activation="relu")
        if widths[2] != 10:
            s.add("max_pool2d", kernel_size=3, stride=2, ceil_mode=True)
            s.add("dropout")
    s.add("adaptive_avg_pool2d", output_size=1)
    s.add("flatten")
    return s.text()


def _inception_3a() -> str:
    s = Spec("[192, 28, 28]")
    one = s.conv(64, 1, activation="relu", from_="input")
    s.conv(96, 1, activation="relu", from_="input")
    three = s.conv(128, 3, padding=1, activation="relu")
    s.conv(16, 1, activation="relu", from_="input")
    five = s.conv(32, 5, padding=2, activation="relu")
    s.add("max_pool2d", kernel_size=3, stride=1, padding=1, from_="input")
    pooled = s.conv(32, 1, activation="relu")
    s.add("concat", from_=[one, three, five, pooled])
    return s.text()


def _characters() -> str:
    s = Spec("[70, 1014]")
    for kernel, pooled in ((7, True), (7, True), (3, False), (3, False), (3, False), (3, True)):
        s.add("conv1d", out_channels=256, kernel_size=kernel, activation="relu")
        if pooled:
            s.add("max_pool1d", kernel_size=3)
    s.add("flatten")
    for _ in range(2):
        s.dense(1024, activation="relu")
        s.add("dropout")
    s.dense(4)
    return s.text()


def _c3d() -> str:
    s = Spec("[3, 16, 112, 112]")
    for stage, (width, count) in enumerate(((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))):
        for _ in range(count):
            s.add("conv3d", out_channels=width, kernel_size=3, padding=1, activation="relu")
        pool = [1, 2, 2] if stage == 0 else 2
        s.add("max_pool3d", kernel_size=pool, **({"padding": [0, 1, 1]} if stage == 4 else {}))
    s.add("flatten")
    for _ in range(2):
        s.dense(4096, activation="relu")
        s.add("dropout")
    s.dense(487)
    return s.text()


def _wavenet() -> str:
    s = Spec("[256, 4096]", training=False)
    above = s.add("conv1d", out_channels=32, kernel_size=1)
    for place in range(10):
        reach = 2**place
        filtered = s.add("conv1d", out_channels=32, kernel_size=2, dilation=reach, padding=[reach, 0],
                         activation="tanh", from_=above)  # fmt: skip
        gate = s.add("conv1d", out_channels=32, kernel_size=2, dilation=reach, padding=[reach, 0],
                     activation="sigmoid", from_=above)  # fmt: skip
        s.add("multiply", from_=[filtered, gate])
        made = s.add("conv1d", out_channels=32, kernel_size=1)
        above = s.add("add", from_=[above, made])
    s.add("conv1d", out_channels=256, kernel_size=1, activation="{type: softmax, dim: 0}")
    return s.text()


def _patches() -> str:
    """ConvMixer-256/8 with patches of 7 and kernels of 9: norms behind activations, windows side by side."""
    s = Spec("[3, 224, 224]")
    s.conv(256, 7, stride=7, activation="gelu")
    above = s.add("batch_norm")
    for _ in range(8):
        s.conv(256, 9, groups=256, padding=4, activation="gelu", from_=above)
        kept = s.add("batch_norm")
        s.add("add", from_=[kept, above])
        s.conv(256, 1, activation="gelu")
        above = s.add("batch_norm")
    s.add("adaptive_avg_pool2d", output_size=1)
    s.add("flatten")
    s.dense(1000)
    return s.text()


def _tagger() -> str:
    """A bidirectional LSTM that labels every word."""
    s = Spec("[40]")
    s.add("embedding", num_embeddings=5000, embedding_dim=100)
    s.add("lstm", hidden_size=100, bidirectional=True)
    s.dense(17)
    return s.text()


def _lstm(read: int, hidden: int) -> int:
    return 4 * hidden * (read + hidden + 2)


def _attention_block(width: int, hidden: int) -> int:
    return 4 * (width + 1) * width + (width + 1) * hidden + (hidden + 1) * width + 4 * width


PUBLISHED: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "VGG-16": (_vgg16(norm=False), 138_357_544, ()),
    "VGG-16 with batch normalization": (_vgg16(norm=True), 138_365_992, ("bias-before-norm",)),
    "ResNet-18": (_resnet((2, 2, 2, 2), bottleneck=False), 11_689_512, ()),
    "ResNet-34": (_resnet((3, 4, 6, 3), bottleneck=False), 21_797_672, ()),
    "ResNet-50, strides in 3×3": (_resnet((3, 4, 6, 3), bottleneck=True), 25_557_032, ()),
    "ResNet-50, strides in 1×1": (_resnet((3, 4, 6, 3), True, True), 25_557_032, ("skipped-values",)),
    "MobileNet": (_mobilenet_v1(), 4_231_976, ()),
    "MobileNet v2": (_mobilenet_v2(), 3_504_872, ()),
    "SqueezeNet 1.1": (_squeezenet(), 1_235_496, ()),
    "DenseNet-121": (_densenet(), 7_978_856, ()),
    "U-Net": (_unet(), 31_030_658, ()),
    "DCGAN, generator": (_generator(), 3_576_704, ()),
    "DCGAN, discriminator": (_discriminator(), 2_765_568, ()),
    "Transformer, encoder": (
        _encoder(6, 512, 2048, 8), 10_000 * 512 + 6 * _attention_block(512, 2048), ()),
    "LSTM language model": (
        _language_model(), 10_000 * 650 + 2 * _lstm(650, 650) + 651 * 10_000, ()),
    "network in network": (_nin(), 966_986, ()),
    "GoogLeNet, inception (3a)": (_inception_3a(), 163_696, ()),
    "convolutions over characters": (
        _characters(), (70 * 7 + 1) * 256 + (256 * 7 + 1) * 256 + 4 * (256 * 3 + 1) * 256
        + (34 * 256 + 1) * 1024 + 1025 * 1024 + 1025 * 4, ()),
    "C3D": (_c3d(), 27_655_936 + 8193 * 4096 + 4097 * 4096 + 4097 * 487, ()),
    "WaveNet, ten layers": (
        _wavenet(), 257 * 32 + 10 * (2 * (2 * 32 + 1) * 32 + 33 * 32) + 33 * 256, ()),
    "ConvMixer": (
        _patches(), (49 * 3 + 1) * 256 + 512 + 8 * (82 * 256 + 512 + 257 * 256 + 512) + 257 * 1000, ()),
    "tagger of words": (_tagger(), 5000 * 100 + 2 * _lstm(100, 100) + 201 * 17, ()),
}  # fmt: skip
