"""Networks as they were released for Caffe, written anew in its text, short."""

from __future__ import annotations


def layer(kind: str, name: str, bottom: str, body: str = "", *, top: str | None = None) -> str:
    """One layer of today's form; in place where ``top`` is ``bottom``."""
    reads = "".join(f' bottom: "{each}"' for each in bottom.split())
    return f'layer {{ name: "{name}" type: "{kind}"{reads} top: "{top or name}" {body} }}\n'


def given(*shape: int, name: str = "data") -> str:
    dims = " ".join(f"dim: {each}" for each in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape: {{ {dims} }} }} }}\n'


def conv(name: str, bottom: str, many: int, kernel: int, more: str = "") -> str:
    """A convolution and its ReLU, which works in place."""
    body = f"convolution_param {{ num_output: {many} kernel_size: {kernel} {more} }}"
    return layer("Convolution", name, bottom, body) + layer("ReLU", f"{name}_relu", name, top=name)


def dense(name: str, bottom: str, many: int) -> str:
    return layer("InnerProduct", name, bottom, f"inner_product_param {{ num_output: {many} }}")


def hidden(name: str, bottom: str, many: int) -> str:
    drop = layer("Dropout", f"{name}_drop", name, "dropout_param { dropout_ratio: 0.5 }", top=name)
    return dense(name, bottom, many) + layer("ReLU", f"{name}_relu", name, top=name) + drop


def pool(name: str, bottom: str, kernel: int = 3, stride: int = 2, more: str = "", kind: str = "MAX") -> str:
    body = f"pooling_param {{ pool: {kind} kernel_size: {kernel} stride: {stride} {more} }}"
    return layer("Pooling", name, bottom, body)


def lrn(name: str, bottom: str) -> str:
    return layer("LRN", name, bottom, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")


def alexnet() -> str:
    """bvlc_alexnet: responses are normalized before they are pooled."""
    return (
        'name: "AlexNet"\n' + given(10, 3, 227, 227)
        + conv("conv1", "data", 96, 11, "stride: 4") + lrn("norm1", "conv1") + pool("pool1", "norm1")
        + conv("conv2", "pool1", 256, 5, "pad: 2 group: 2") + lrn("norm2", "conv2") + pool("pool2", "norm2")
        + conv("conv3", "pool2", 384, 3, "pad: 1") + conv("conv4", "conv3", 384, 3, "pad: 1 group: 2")
        + conv("conv5", "conv4", 256, 3, "pad: 1 group: 2") + pool("pool5", "conv5")
        + hidden("fc6", "pool5", 4096) + hidden("fc7", "fc6", 4096) + dense("fc8", "fc7", 1000)
        + layer("Softmax", "prob", "fc8")
    )  # fmt: skip


INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def inception(name: str, bottom: str) -> str:
    one, three_reduce, three, five_reduce, five, pooled = INCEPTIONS[name]
    at = f"inception_{name}"
    ways = " ".join(f"{at}/{way}" for way in ("1x1", "3x3", "5x5", "pool_proj"))
    return (
        conv(f"{at}/1x1", bottom, one, 1)
        + conv(f"{at}/3x3_reduce", bottom, three_reduce, 1) + conv(f"{at}/3x3", f"{at}/3x3_reduce", three, 3, "pad: 1")
        + conv(f"{at}/5x5_reduce", bottom, five_reduce, 1) + conv(f"{at}/5x5", f"{at}/5x5_reduce", five, 5, "pad: 2")
        + pool(f"{at}/pool", bottom, 3, 1, "pad: 1") + conv(f"{at}/pool_proj", f"{at}/pool", pooled, 1)
        + layer("Concat", f"{at}/output", ways)
    )  # fmt: skip


def googlenet() -> str:
    """bvlc_googlenet, with its input in the form of 2015."""
    text = 'name: "GoogleNet"\ninput: "data"\ninput_shape { dim: 10 dim: 3 dim: 224 dim: 224 }\n'
    text += conv("conv1/7x7_s2", "data", 64, 7, "pad: 3 stride: 2") + pool("pool1/3x3_s2", "conv1/7x7_s2")
    text += lrn("pool1/norm1", "pool1/3x3_s2") + conv("conv2/3x3_reduce", "pool1/norm1", 64, 1)
    text += conv("conv2/3x3", "conv2/3x3_reduce", 192, 3, "pad: 1") + lrn("conv2/norm2", "conv2/3x3")
    text += pool("pool2/3x3_s2", "conv2/norm2")
    bottom = "pool2/3x3_s2"
    for name in INCEPTIONS:
        text += inception(name, bottom)
        bottom = f"inception_{name}/output"
        if name in ("3b", "4e"):
            pooled = f"pool{int(name[0])}/3x3_s2"
            text += pool(pooled, bottom)
            bottom = pooled
    text += pool("pool5/7x7_s1", bottom, 7, 1, kind="AVE")
    text += layer("Dropout", "pool5/drop", "pool5/7x7_s1", "dropout_param { dropout_ratio: 0.4 }", top="pool5/7x7_s1")
    return text + dense("loss3/classifier", "pool5/7x7_s1", 1000) + layer("Softmax", "prob", "loss3/classifier")


def vgg16() -> str:
    """The VGG team's 16 layers, in the form of 2014: four numbers, types in capitals."""
    text = 'name: "VGG_ILSVRC_16_layers"\ninput: "data"\ninput_dim: 10\ninput_dim: 3\ninput_dim: 224\ninput_dim: 224\n'
    bottom = "data"

    def old(kind: str, name: str, bottom: str, body: str = "", top: str | None = None) -> str:
        return (
            f'layers {{\n  bottom: "{bottom}"\n  top: "{top or name}"\n  name: "{name}"\n  type: {kind}\n  {body}\n}}\n'
        )

    for block, (many, layers) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
        for number in range(1, layers + 1):
            name = f"conv{block}_{number}"
            text += old(
                "CONVOLUTION", name, bottom, f"convolution_param {{ num_output: {many} pad: 1 kernel_size: 3 }}"
            )
            text += old("RELU", f"relu{block}_{number}", name, top=name)
            bottom = name
        text += old("POOLING", f"pool{block}", bottom, "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
        bottom = f"pool{block}"
    for number, many in ((6, 4096), (7, 4096), (8, 1000)):
        name = f"fc{number}"
        text += old("INNER_PRODUCT", name, bottom, f"inner_product_param {{ num_output: {many} }}")
        if number < 8:
            text += old("RELU", f"relu{number}", name, top=name)
            text += old("DROPOUT", f"drop{number}", name, "dropout_param { dropout_ratio: 0.5 }", top=name)
        bottom = name
    return text + old("SOFTMAX", "prob", bottom)


def nin() -> str:
    """Network in network for ImageNet: every convolution is followed by two of one position."""
    text, bottom = 'name: "nin_imagenet"\n' + given(1, 3, 224, 224), "data"
    rows = ((96, 11, "stride: 4"), (256, 5, "pad: 2"), (384, 3, "pad: 1"), (1024, 3, "pad: 1"))
    for block, (many, kernel, more) in enumerate(rows, start=1):
        text += conv(f"conv{block}", bottom, many, kernel, more) + conv(f"cccp{2 * block - 1}", f"conv{block}", many, 1)
        wide = 1000 if block == 4 else many
        text += conv(f"cccp{2 * block}", f"cccp{2 * block - 1}", wide, 1)
        bottom = f"cccp{2 * block}"
        if block < 4:
            text += pool(f"pool{block}", bottom)
            bottom = f"pool{block}"
    return text + layer("Pooling", "pool4", bottom, "pooling_param { pool: AVE global_pooling: true }")


def resnet50() -> str:
    """He et al.'s 50 layers: norm and scale are two layers in place, and the stride is in the first of three."""

    def normed(
        name: str, bottom: str, many: int, kernel: int, stride: int = 1, pad: int = 0, bias: str = "false"
    ) -> str:
        body = f"num_output: {many} kernel_size: {kernel} pad: {pad} stride: {stride} bias_term: {bias}"
        return (
            layer("Convolution", f"res{name}", bottom, f"convolution_param {{ {body} }}")
            + layer(
                "BatchNorm", f"bn{name}", f"res{name}", "batch_norm_param { use_global_stats: true }", top=f"res{name}"
            )
            + layer("Scale", f"scale{name}", f"res{name}", "scale_param { bias_term: true }", top=f"res{name}")
        )

    def relu(name: str) -> str:
        return layer("ReLU", f"{name}_relu", name, top=name)

    text = 'name: "ResNet-50"\n' + given(1, 3, 224, 224)
    text += normed("1", "data", 64, 7, 2, 3, "true") + relu("res1") + pool("pool1", "res1")
    bottom = "pool1"
    for stage, (many, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=2):
        for block in range(blocks):
            name, stride = f"{stage}{'abcdef'[block]}", 2 if stage > 2 and not block else 1
            short = bottom
            if not block:
                text += normed(f"{name}_branch1", bottom, 4 * many, 1, stride)
                short = f"res{name}_branch1"
            text += normed(f"{name}_branch2a", bottom, many, 1, stride) + relu(f"res{name}_branch2a")
            text += normed(f"{name}_branch2b", f"res{name}_branch2a", many, 3, 1, 1) + relu(f"res{name}_branch2b")
            text += normed(f"{name}_branch2c", f"res{name}_branch2b", 4 * many, 1)
            text += layer("Eltwise", f"res{name}", f"{short} res{name}_branch2c") + relu(f"res{name}")
            bottom = f"res{name}"
    text += pool("pool5", bottom, 7, 1, kind="AVE") + dense("fc1000", "pool5", 1000)
    return text + layer("Softmax", "prob", "fc1000")
