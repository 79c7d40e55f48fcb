"""Files are told by their content; those that hold no network for archscope are named for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from archscope import UsageError, load
from archscope.importing.kinds import Kind, kind_of
from archscope.opening import open_network


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(40), r"is HDF5, of Keras 2 or weights alone"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(40), "is a TensorFlow Lite file"),
    ],
)
def test_what_is_not_read_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert kind_of(str(path)) is Kind.UNREAD
    with pytest.raises(UsageError, match=told):
        open_network(path)


@pytest.mark.parametrize(("name", "content", "told"), [
    ("config.json", '{"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.6.0"}', "of diffusers, which"),
    ("model_index.json", '{"_class_name": "FluxPipeline", "_diffusers_version": "0.30"}', "configuration of diffusers"),
    ("adapter_config.json", '{"peft_type": "LORA", "r": 8}', "is an adapter of PEFT's, which says no network"),
    ("config.json", '{"architecture": "resnet50", "pretrained_cfg": {}}', "timm that makes the model, `timm.models:"),
])  # fmt: skip
def test_json_of_other_libraries_says_what_to_name_as_a_file_and_as_a_folder(
    name: str, content: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    for named in (path, tmp_path):
        with pytest.raises(UsageError, match=f"^{path} .*{told}"):
            open_network(str(named))


def test_modules_of_a_sentence_transformer_are_told_by_their_list(tmp_path: Path) -> None:
    path = tmp_path / "modules.json"
    path.write_text('[{"idx": 0, "type": "sentence_transformers.models.Transformer"}]')
    with pytest.raises(UsageError, match=r"its network is in the `config\.json` beside it"):
        open_network(path)


@pytest.mark.parametrize("text", ["input: [3, 8, 8]\nlayers:\n  c: {type: flatten}\n",
                                  '{"input": [3, 8, 8], "layers": {"c": {"type": "flatten"}}}'])  # fmt: skip
def test_a_spec_is_still_a_spec(text: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    assert kind_of(str(path)) is None
    assert load(path).nodes[0].layer.type == "flatten"


def test_a_caffe_network_is_told_by_its_layers_and_its_weights_by_their_name(tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.write_text('name: "LeNet"\nlayer {\n  name: "data"\n}\n')
    assert kind_of(str(path)) is Kind.CAFFE
    weights = path.with_suffix(".caffemodel")
    weights.write_bytes(b"\n\x05LeNet")
    with pytest.raises(UsageError, match=r"holds Caffe's weights; name the `.prototxt` file of its network"):
        open_network(weights)


def test_a_name_that_ends_so_is_believed_where_the_content_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("input: [3, 8, 8]\n")
    with pytest.raises(UsageError, match=r"is no whole ONNX file"):
        open_network(path)
