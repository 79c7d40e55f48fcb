"""Headers of files of weights: what they say, and what they may not say."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from archscope import UsageError
from archscope.cli import main
from archscope.importing.kinds import Kind, kind_of
from archscope.importing.weights.opening import read_weights
from archscope.opening import open_network
from tests.importing.weight_files import gguf, headed, safetensors

ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def test_a_safetensors_header_has_names_shapes_and_types(tmp_path: Path) -> None:
    path = safetensors(tmp_path / "w", {"a.weight": (4, 3), "a.bias": ((), "I64"), "b": ((5,), "BF16")})
    found = read_weights(path)
    assert [(each.name, each.shape, each.dtype) for each in found.tensors] == [
        ("a.weight", (4, 3), "F32"), ("a.bias", (), "I64"), ("b", (5,), "BF16"),
    ]  # fmt: skip
    assert found.sentence == "3 tensors with 18 values"  # 4·3 + 1 + 5


def test_a_library_that_writes_safetensors_is_read_as_it_says(tmp_path: Path) -> None:
    numpy, library = pytest.importorskip("numpy"), pytest.importorskip("safetensors.numpy")
    held = {"a.weight": numpy.zeros((4, 3), "f4"), "a.steps": numpy.zeros((), "i8"), "b": numpy.zeros((0, 2), "f2")}
    library.save_file(held, tmp_path / "w.safetensors", metadata={"format": "pt"})
    found = {each.name: each.shape for each in read_weights(str(tmp_path / "w.safetensors")).tensors}
    assert found == {name: each.shape for name, each in held.items()}


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_gguf_header_counts_the_values_that_its_blocks_stand_for(order: str, tmp_path: Path) -> None:
    path = gguf(tmp_path / "w", {"token_embd.weight": ((4, 256), 12), "norm.weight": ((256,), 0)}, order=order)
    found = read_weights(path)
    assert [(each.name, each.shape, each.dtype) for each in found.tensors] == [
        ("token_embd.weight", (4, 256), "Q4_K"), ("norm.weight", (256,), "F32"),
    ]  # fmt: skip
    assert found.values == 5 * 256
    assert found.network == "llama"


@pytest.mark.parametrize("ending", ["gguf", "safetensors"])
def test_any_part_of_several_files_and_their_folder_stand_for_all_of_them(ending: str, tmp_path: Path) -> None:
    for number, shape in ((1, (2, 2)), (2, (3,))):
        path = tmp_path / f"net-0000{number}-of-00002.{ending}"
        if ending == "gguf":
            gguf(path, {f"blk.{number}.weight": (shape, 0)}, parts=2)
        else:
            safetensors(path, {f"blk.{number}.weight": shape})
    for named in (*sorted(tmp_path.iterdir()), tmp_path):
        assert read_weights(str(named)).sentence == "2 tensors in 2 files with 7 values"
    (tmp_path / f"net-00001-of-00002.{ending}").unlink()
    with pytest.raises(UsageError, match=rf"there is no net-00001-of-00002\.{ending} beside it"):
        read_weights(str(tmp_path / f"net-00002-of-00002.{ending}"))


def test_a_part_of_several_gguf_files_that_is_not_called_as_one_is_refused(tmp_path: Path) -> None:
    for name in ("net.gguf", "net-00001-of-00003.gguf"):
        with pytest.raises(UsageError, match="one of 2 parts, and is not called as one, such as net-00001-of-00002"):
            read_weights(gguf(tmp_path / name, {"a": ((2,), 0)}, parts=2))


def test_an_index_and_a_folder_stand_for_all_their_files(tmp_path: Path) -> None:
    safetensors(tmp_path / "one.safetensors", {"a": (2, 2)})
    safetensors(tmp_path / "two.safetensors", {"b": (3,)})
    index = tmp_path / "model.safetensors.index.json"
    said = {"metadata": {"total_size": 28}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    index.write_text(json.dumps(said))
    for named in (index, tmp_path):
        assert read_weights(str(named)).sentence == "2 tensors in 2 files with 7 values"
    assert kind_of(str(index)) is Kind.WEIGHTS


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a": "../one.safetensors"}, r"`../one.safetensors` does not lie beside it"),
        ({"a": "three.safetensors"}, r"there is no three.safetensors beside it"),
        ({"a": "one.safetensors", "c": "one.safetensors"}, r"`c` is in none of its files"),
        ({"a": "one.safetensors", "b": "again.safetensors"}, r"`a` is there twice"),
        ({}, r"has no `weight_map`"),
    ],
)
def test_an_index_that_does_not_fit_its_files_is_refused(files: dict[str, str], told: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("one", "in/one", "in/again"):
        safetensors(tmp_path / f"{name}.safetensors", {"a": (2, 2)})
    index = tmp_path / "in" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": files}))
    with pytest.raises(UsageError, match=told):
        read_weights(str(index))


@pytest.mark.parametrize(
    ("header", "room", "told"),
    [
        (b"[1]", 0, "no table of tensors"),
        (b'{"a": {"dtype": "F32"}}', 0, "`a` has no type, shape and two offsets"),
        (b'{"\xff": 1}', 0, "its header is no UTF-8"),
        (b'{"a"', 0, "its header is no JSON"),
        (b'{"a":' * 100_000, 0, "nested too deeply"),
        (b'{"a": 1, "a": 2}', 0, "`a` is there twice"),
        (json.dumps({"a": ONE}).encode(), 7, "`a` ends at byte 8 of 7"),
        (json.dumps({"a": ONE, "b": ONE | {"data_offsets": [4, 12]}}).encode(), 12, "`b` lies on `a`"),
        (json.dumps({"a": ONE | {"shape": [3]}}).encode(), 8, r"`a` is F32 \[3\] in 8 bytes"),
        (json.dumps({"a": ONE | {"shape": [-2]}}).encode(), 8, "has no type, shape"),
        (json.dumps({"a": ONE | {"shape": [True]}}).encode(), 8, "has no type, shape"),
        (json.dumps({"a": ONE | {"shape": [1 << 62, 1 << 62]}}).encode(), 8, "more values than a file can hold"),
        (json.dumps({"a": ONE | {"data_offsets": [8, 0]}}).encode(), 8, "in -8 bytes"),
        (json.dumps({"a": ONE | {"shape": [1] * 65}}).encode(), 8, "more values than a file can hold"),
        (b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 8]}}', 8, "no JSON"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(header: bytes, room: int, told: str, tmp_path: Path) -> None:
    path = str(headed(tmp_path / "w.safetensors", header, room))
    for read in (read_weights, open_network):
        with pytest.raises(UsageError, match=told) as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [(1 << 63), (1 << 64) - 1, 100_000_001, 9])
def test_a_header_longer_than_its_file_is_refused(length: int, tmp_path: Path) -> None:
    path = str(headed(tmp_path / "w.safetensors", b'{"a": 1}', 0, length))
    with pytest.raises(UsageError, match=f"its header has {length:,} bytes"):
        open_network(path)


@pytest.mark.parametrize("length", [0x7B, 0x80, 0x200])
def test_a_header_is_told_whatever_byte_its_length_begins_with(length: int, tmp_path: Path) -> None:
    header = json.dumps({"a": ONE}).encode().ljust(length)
    path = str(headed(tmp_path / "w", header, 8))
    assert kind_of(path) is Kind.WEIGHTS
    assert read_weights(path).values == 2


def numbers(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


NAMED = b"GGUF" + struct.pack("<I", 3)
TENSOR = numbers(1) + b"w" + struct.pack("<I", 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GGUF", "ends before it says all"),
        (b"GGUF" + struct.pack("<I", 9), "version 9 of GGUF is not known"),
        (NAMED + numbers(1 << 60, 0), "are read at most"),
        (NAMED + numbers(0, 1, 1 << 63), "a text of 9,223,372,036,854,775,808 bytes"),
        (NAMED + numbers(0, 1, 1) + b"k" + struct.pack("<I", 77), "a value of type 77"),
        (NAMED + numbers(0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 1 << 62), "a list of"),
        (NAMED + numbers(0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 0, 1 << 62), "a list of"),
        (NAMED + numbers(0, 1, 1) + b"k" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9, "nested too deeply"),
        (NAMED + numbers(1, 0, 1) + b"\xff" + struct.pack("<I", 0), "no UTF-8"),
        (NAMED + numbers(1, 0, 1) + b"w" + struct.pack("<I", 900), "`w` has 900 axes"),
        (NAMED + numbers(1, 0) + TENSOR + struct.pack("<QIQ", 33, 2, 0), "33 values in Q4_0 blocks of 32"),
        (NAMED + numbers(1, 0) + TENSOR + struct.pack("<QIQ", 1 << 63, 0, 0), "more values than a file can hold"),
        (NAMED + numbers(1, 0) + TENSOR + struct.pack("<QIQ", 32, 0, 0), "`w` ends at byte 128 of 0"),
        (NAMED + numbers(2, 0) + 2 * (TENSOR + struct.pack("<QIQ", 0, 0, 0)), "`w` is there twice"),
    ],
)
def test_a_gguf_header_that_contradicts_itself_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "w.gguf"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=told):
        open_network(str(path))


def test_a_state_dict_is_read_and_nothing_that_is_pickled_beside_it(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Linear(3, 4)
    torch.save({"state_dict": net.state_dict(), "epoch": 3}, tmp_path / "w.pt")
    assert read_weights(str(tmp_path / "w.pt")).sentence == "2 tensors with 16 values"
    torch.save(net, tmp_path / "whole.pt")
    with pytest.raises(UsageError, match="without running its code"):
        read_weights(str(tmp_path / "whole.pt"))
    torch.save({"epoch": 3}, tmp_path / "none.pt")
    with pytest.raises(UsageError, match="holds no tensors by name"):
        read_weights(str(tmp_path / "none.pt"))


def test_weights_alone_are_no_network_and_the_message_says_what_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = safetensors(tmp_path / "model.safetensors", {"a": (2, 2)})
    assert main(["table", path]) == 2
    told = capsys.readouterr().err
    assert "holds weights and no architecture: 1 tensor with 4 values" in told
    assert f"`archscope verify SPEC --weights {path}`" in told
    assert "config.json" not in told
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match=r"the network's own file may be .*config\.json"):
        open_network(path)


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("layers: 3")
    for path, told in ((tmp_path / "text", "is no safetensors, GGUF or PyTorch file"), (tmp_path / "no", "no file"),
                       (tmp_path, "has 0 files of weights and no index")):  # fmt: skip
        with pytest.raises(UsageError, match=told):
            read_weights(str(path))
