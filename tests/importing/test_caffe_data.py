"""What a Caffe network says of its data and of what compares with labels: it is read as it is tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importing.caffe_nets import conv, dense, given, layer, pool
from tests.importing.caffe_read import read, refused

DATA = """layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 8 } data_param { batch_size: 64 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { crop_size: 6 mean_value: 104 mean_value: 117 mean_value: 123 } data_param { batch_size: 32 } }
"""


LOSSES = """layer { name: "acc" type: "Accuracy" bottom: "fc" bottom: "label" top: "acc" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def test_a_network_is_read_as_it_is_tested_without_what_compares_it_with_labels(tmp_path: Path) -> None:
    text = DATA + conv("c", "data", 4, 3) + dense("fc", "c", 10) + LOSSES
    found = read(text, tmp_path)
    assert dict(found.network.inputs) == {"input": (3, 6, 6)}
    assert found.rows[-1].outputs[0] == (10,)
    assert found.network.observed is not None
    origin, *notes = found.network.observed.origin
    assert origin == "Read from net.prototxt: a Caffe network as Caffe runs it in the phase TEST."
    assert notes[0] == ("Left out: `acc` (Accuracy), `loss` (SoftmaxWithLoss), which compare outputs with labels or "
                        "make nothing.")  # fmt: skip
    assert notes[1] == "1 layer is there for another phase than TEST."
    trained = read(text.replace("phase: TEST", 'phase: TRAIN stage: "x"'), tmp_path, input="3,8,8")
    assert dict(trained.network.inputs) == {"input": (3, 8, 8)}


def test_data_whose_channels_nobody_says_are_asked_for(tmp_path: Path) -> None:
    text = DATA.replace("mean_value: 104 mean_value: 117 mean_value: 123", "") + conv("c", "data", 4, 3)
    assert refused(text, tmp_path).endswith("say how long it is: --input input=3,6,6")
    assert read(text, tmp_path, input="1,6,6").totals.parameters == 40
    assert "is ?×6×6 without the batch, and 1×7×7 was stated" in refused(text, tmp_path, input="1,7,7")


@pytest.mark.parametrize(("said", "channels"), [("", 3), ("is_color: true", 3), ("is_color: false", 1)])
def test_files_of_pictures_are_in_colour_unless_they_say_otherwise(said: str, channels: int, tmp_path: Path) -> None:
    body = f'transform_param {{ crop_size: 6 mean_file: "m" }} image_data_param {{ source: "train.txt" {said} }}'
    text = f'layer {{ name: "data" type: "ImageData" top: "data" top: "label" {body} }}\n' + conv("c", "data", 4, 3)
    assert dict(read(text, tmp_path).network.inputs) == {"input": (channels, 6, 6)}


def squeezenet() -> str:
    """SqueezeNet 1.1 as DeepScale released it: a comment above, slashes in names, activations in place."""
    text, bottom = (
        "# please cite: $<$1MB\n" + given(10, 3, 227, 227) + conv("conv1", "data", 64, 3, "stride: 2"),
        "pool1",
    )
    text += pool("pool1", "conv1")
    for number in range(2, 10):
        fire, narrow = f"fire{number}", 16 * (number // 2)
        text += conv(f"{fire}/squeeze1x1", bottom, narrow, 1)
        text += conv(f"{fire}/expand1x1", f"{fire}/squeeze1x1", 4 * narrow, 1)
        text += conv(f"{fire}/expand3x3", f"{fire}/squeeze1x1", 4 * narrow, 3, "pad: 1")
        text += layer("Concat", f"{fire}/concat", f"{fire}/expand1x1 {fire}/expand3x3")
        bottom = f"{fire}/concat"
        if number in (3, 5):
            text += pool(f"pool{number}", bottom)
            bottom = f"pool{number}"
    return text + conv("conv10", bottom, 1000, 1) + pool_of_all("pool10", "conv10") + layer("Softmax", "prob", "pool10")


def pool_of_all(name: str, bottom: str) -> str:
    return layer("Pooling", name, bottom, "pooling_param { pool: AVE global_pooling: true }")


def siamese() -> str:
    """Caffe's example of two towers that share all weights by name; a loss alone reads both."""
    text = (
        'layer { name: "pair" type: "Data" top: "pair" top: "sim" transform_param { scale: 0.00390625 } }\n'
        'layer { name: "cut" type: "Slice" bottom: "pair" top: "data" top: "data_p" '
        "slice_param { slice_dim: 1 slice_point: 1 } }\n"
    )
    for at in ("", "_p"):
        own = conv(f"conv1{at}", f"data{at}", 20, 5) + pool(f"pool1{at}", f"conv1{at}", 2, 2) + dense(
            f"feat{at}", f"pool1{at}", 2)  # fmt: skip
        for each in ("conv1", "feat"):
            shared = f'param {{ name: "{each}_w" lr_mult: 1 }} param {{ name: "{each}_b" lr_mult: 2 }}'
            own = own.replace(f'name: "{each}{at}"', f'name: "{each}{at}" {shared}')
        text += own
    return text + layer("ContrastiveLoss", "loss", "feat feat_p sim", "contrastive_loss_param { margin: 1 }")


def test_squeezenet_and_two_towers_have_what_was_printed(tmp_path: Path) -> None:
    found = read(squeezenet(), tmp_path).totals
    # 1.2 M parameters; ⌈⌉ at 227: 113, 56, 28 and 14 wide
    assert (found.parameters, found.macs) == (1_235_496, 387_747_520)
    both = read(siamese(), tmp_path, input="2,28,28")
    # 20·25 + 20, and 2·(20·12·12) + 2, held once
    assert both.totals.parameters == 520 + 5_762
    assert [both.network.by_name[name].shares for name in ("conv1_p", "feat_p")] == ["conv1", "feat"]
    assert len(both.network.outputs) == 2


def test_products_are_those_of_all_samples(tmp_path: Path) -> None:
    text = given(10, 8) + dense("fc", "data", 3)
    assert read(text, tmp_path).totals.macs == 24
    assert read(text, tmp_path, batch=4).totals.macs == 96


def test_boxes_of_detection_are_rows_and_what_chooses_among_them_is_left_out_with_a_note(tmp_path: Path) -> None:
    data = """layer { name: "data" type: "AnnotatedData" top: "data" top: "label" transform_param {
  mean_value: 1 mean_value: 2 mean_value: 3 resize_param { prob: 1 resize_mode: WARP height: 12 width: 10 } } }"""
    boxes = """layer { name: "box" type: "PriorBox" bottom: "conv" bottom: "data" top: "box" prior_box_param {
  min_size: 3 max_size: 6 aspect_ratio: 2 aspect_ratio: 3 aspect_ratio: 1 flip: true clip: false variance: 0.1 } }
layer { name: "out" type: "DetectionOutput" bottom: "conv" bottom: "box" top: "out"
  detection_output_param { num_classes: 2 } }
layer { name: "eval" type: "DetectionEvaluate" bottom: "out" bottom: "label" top: "eval" }"""
    found = read(data + conv("conv", "data", 6, 3) + boxes, tmp_path)
    # 10·8 positions; a small and a large square, and 1:2, 2:1, 1:3 and 3:1; four corners of each, and four variances
    assert (found["box"].output, found["box"].macs, found["conv"].output) == ((2, 80 * 6 * 4), 0, (6, 10, 8))
    assert found.network.observed is not None
    assert "Left out: `out` (DetectionOutput), which is no layer" in " ".join(found.network.observed.origin)


def test_code_that_reads_nothing_makes_data_of_which_one_says_how_much(tmp_path: Path) -> None:
    data = layer("Python", "data", "", 'python_param { layer: "Own" }')
    data = data.replace('top: "data"', 'top: "color" top: "depth" top: "label"')
    both = data + conv("a", "color", 4, 3) + conv("b", "depth", 4, 3) + """
layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }"""  # fmt: skip
    assert "the input `color` of" in refused(both, tmp_path)
    found = read(both, tmp_path, input=["color=3,8,8", "depth=1,8,8"])
    assert [(name, found[name].macs) for name in ("a", "b")] == [("a", 4 * 36 * 27), ("b", 4 * 36 * 9)]
