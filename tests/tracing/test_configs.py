"""Models by a Hugging Face ``config.json``: counts as published, what they are called with, what is not read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archscope import Analysis, MissingExtra, UsageError, analyze
from archscope.cli import main
from archscope.importing.kinds import Kind, kind_of
from archscope.opening import open_network
from archscope.tracing.defaults import defaults
from archscope.tracing.inputs import Call, Given

transformers: Any = pytest.importorskip("transformers", reason="it makes the models")

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
WORDS = {"vocab_size": 50, **SMALL}
CONFIGS: dict[str, tuple[dict[str, Any], dict[str, tuple[int, ...]]]] = {
    "bert": ({"model_type": "bert", "architectures": ["BertModel"], **WORDS}, {"input_ids": (128,)}),
    "roberta": ({"model_type": "roberta", "max_position_embeddings": 34, **WORDS}, {"input_ids": (32,)}),
    "vit": ({"model_type": "vit", "image_size": 16, "patch_size": 8, **SMALL}, {"pixel_values": (3, 16, 16)}),
    "llama": (
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_key_value_heads": 1, **WORDS},
        {"input_ids": (128,)},
    ),
    "t5": (
        {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 16, "d_kv": 8, "d_ff": 24,
         "num_layers": 1, "num_heads": 2, "vocab_size": 50},
        {"input_ids": (128,), "decoder_input_ids": (128,)},
    ),
    "whisper": (
        {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "d_model": 16,
         "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
         "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "vocab_size": 50, "max_source_positions": 20,
         "max_target_positions": 12, "num_mel_bins": 8, "pad_token_id": 0},
        {"input_features": (8, 40), "decoder_input_ids": (12,)},
    ),
    "mixtral": (
        {"model_type": "mixtral", "num_local_experts": 3, "num_key_value_heads": 1, **WORDS}, {"input_ids": (128,)}
    ),
    "resnet": (
        {"model_type": "resnet", "embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"},
        {"pixel_values": (3, 224, 224)},
    ),
    "clip": (
        {"model_type": "clip", "text_config": {"max_position_embeddings": 20, **WORDS},
         "vision_config": {"image_size": 16, "patch_size": 8, **SMALL}},
        {"input_ids": (20,), "pixel_values": (3, 16, 16)},
    ),
}  # fmt: skip


def written(said: Mapping[str, Any] | str, folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return path


def refused(said: Mapping[str, Any] | str, folder: Path, **more: Any) -> str:
    with pytest.raises(UsageError) as caught:
        open_network(written(said, folder), **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def read(said: Mapping[str, Any], folder: Path, **more: Any) -> Analysis:
    return analyze(open_network(written(said, folder), **more))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_model_is_called_as_its_kind_is_and_holds_what_transformers_counts(name: str, tmp_path: Path) -> None:
    said, inputs = CONFIGS[name]
    found = read(said, tmp_path)
    assert dict(found.network.inputs) == (inputs if len(inputs) > 1 else {"input": next(iter(inputs.values()))})
    config = transformers.AutoConfig.for_model(**said)
    module = getattr(transformers, said.get("architectures", [""])[0], None)
    made = transformers.AutoModel.from_config(config) if module is None else module(config)
    assert found.network.observed is not None
    assert found.network.observed.held == made.num_parameters()
    assert found.totals.macs is not None


@pytest.mark.parametrize(
    ("said", "parameters"),
    [
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, 124_439_808),  # Radford et al. 2019, small
    ],
)
def test_published_models_have_what_was_published(said: dict[str, Any], parameters: int, tmp_path: Path) -> None:
    found = read(said, tmp_path, input="4", batch=2)
    assert found.totals.parameters == parameters
    seen = found.network.observed
    assert seen is not None
    assert seen.batch == 2
    model = said["architectures"][0]
    by = f"Read from config.json: {model} of transformers {transformers.__version__}"
    assert seen.origin == (f"{by}, with the input `input_ids=4:int64`.",)


def test_a_part_of_a_model_that_takes_no_tokens_is_given_its_pictures() -> None:
    class Part:
        main_input_name = "input_ids"  # as the whole model has it

        def forward(self, pixel_values: Any) -> Any:
            return pixel_values

    calls = [*defaults(Part, SimpleNamespace(image_size=32), Call(), "config.json")]
    assert [dict(call.kwargs) for call in calls] == [{"pixel_values": Given((3, 32, 32), batched=True)}]


@pytest.mark.parametrize(
    ("called", "main", "said", "shapes"),
    [
        ("BertForMultipleChoice", "input_ids", {"max_position_embeddings": 64}, [(2, 64), (64,)]),
        ("VideoMAEModel", "pixel_values", {"image_size": 32, "num_frames": 4}, [(4, 3, 32, 32), (3, 32, 32)]),
        ("LightGlueForKeypointMatching", "pixel_values", {"image_size": 32}, [(2, 3, 32, 32), (3, 32, 32)]),
        ("EncodecModel", "input_values", {"audio_channels": 1}, [(1, 16_000), (16_000,)]),
        ("ViTModel", "pixel_values", {"image_size": 32}, [(3, 32, 32)]),
    ],
)
def test_a_sample_of_several_answers_frames_pictures_or_channels_is_tried_first(
    called: str, main: str, said: dict[str, int], shapes: list[tuple[int, ...]]
) -> None:
    model = type(
        called, (), {"main_input_name": main, "forward": lambda self, input_ids, pixel_values, input_values: 0}
    )
    stated = Call((), {name: 0 for name in ("input_ids", "pixel_values") if name != main})
    calls = [*defaults(model, SimpleNamespace(**said), stated, "config.json")]
    assert [each.kwargs[main].shape for each in calls] == shapes


def test_what_is_stated_of_one_input_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    said, _ = CONFIGS["t5"]
    assert dict(read(said, tmp_path, input="input_ids=16").network.inputs) == {
        "decoder_input_ids": (128,), "input_ids": (16,)}  # fmt: skip
    assert "takes no input" not in refused(said, tmp_path, input=["4", "5"])
    assert "name each: --input input_ids=128" in refused(said, tmp_path, input=["4", "5"])


def test_types_and_quantized_weights_are_told(tmp_path: Path) -> None:
    said = {**CONFIGS["llama"][0], "torch_dtype": "bfloat16", "quantization_config": {"quant_method": "gptq"}}
    seen = read(said, tmp_path).network.observed
    assert seen is not None
    assert seen.origin[1:] == (
        "Its weights are stored as bfloat16; the bytes here are those of float32.",
        "Its weights are stored quantized; they are counted as they are before that.",
    )


def test_what_lies_beside_a_configuration_and_is_left_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    for name in ("modules.json", "adapter_config.json"):
        (tmp_path / name).write_text("[]")
    seen = read(CONFIGS["bert"][0], tmp_path).network.observed
    assert seen is not None
    assert seen.origin[1:] == ("What comes behind it in this sentence transformer is left out: 1_Pooling.",
                               "The adapter that lies beside it is left out.")  # fmt: skip


def test_a_folder_is_read_where_it_is_written_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gpt2"
    folder.mkdir()
    written(CONFIGS["bert"][0], folder)
    monkeypatch.chdir(tmp_path)
    assert kind_of("./gpt2") is kind_of("gpt2/") is kind_of(str(folder)) is Kind.HUGGING_FACE
    assert kind_of("gpt2") is None
    folder.rename(tmp_path / "mine")
    with pytest.raises(UsageError, match=r"mine is a directory; name a spec file in it, or write \./mine for its"):
        open_network("mine")
    assert kind_of(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"model_type": "x", "auto_map": {"AutoModel": "owner/repo--modeling_x.X"}},
         "whose code would have to be fetched and run, `owner/repo--modeling_x.X`; archscope fetches nothing"),
        ({"model_type": "clip", "text_config": {"auto_map": {"AutoModel": "m.X"}}}, "would have to be fetched"),
        ({"model_type": "lama"}, "has the `model_type` `lama`, which transformers"),
        ({"model_type": "bart2"}, "does not have; did you mean `bart`?"),
        ({"architectures": ["BertModell"]}, "describes a BertModell, which transformers"),
        ({"architectures": ["BertModell"]}, "does not have; did you mean `BertModel`?"),
        ({"architectures": ["Nope"]}, "does not have; leave `architectures` out, and `model_type` says which it is"),
        ({"architectures": "BertModel"}, "has `architectures` that are no list of names"),
        ({"architectures": ["BertModel"], "model_type": "gpt2"}, "and BertModel in `architectures`, which is"),
        ({"transformers_version": "5"}, "names neither `model_type` nor `architectures`"),
        ({"model_type": {}}, "has a `model_type` that is no name"),
        ({"model_type": "bert", "num_hidden_layers": 10**9}, "`num_hidden_layers: 1000000000`; 512 are made"),
        ({"model_type": "bert", "num_labels": 10**9}, "`num_labels: 1000000000`; 1,048,576 are made"),
        ({"model_type": "clip", "text_config": {"num_labels": 10**30}}, "1,048,576 are made"),
        ({"model_type": "gpt2", "vocab_size": 10**14}, "`vocab_size: 100000000000000`; 1,000,000,000 is the largest"),
        ({"model_type": "clip", "text_config": {"vocab_size": 10**30}}, "1,000,000,000 is the largest extent"),
        ({"model_type": "gpt2", "vocab_size": -5}, "; it has `vocab_size: -5`: write a number of one or more"),
        ({"model_type": "llama", "hidden_size": -4}, "; it has `hidden_size: -4`: write a number of one or more"),
        ({"model_type": "llama", "num_attention_heads": 0}, "; it has `num_attention_heads: 0`: write a number of one"),
        ({"model_type": "gpt2", "n_head": 0, "n_layer": 1}, "; it has `n_head: 0`: write a number of one or more"),
        ({"model_type": "llama", "num_key_value_heads": 10**12}, "`num_key_value_heads: 1000000000000`; 1,000,000,000"),
        ({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4,
          "num_key_value_heads": 3},
         "config.json has heads that do not fit: `num_key_value_heads: 3` does not divide `num_attention_heads: 4`"),
        ({"model_type": "gpt2", "vocab_size": 10.5}, "expected int, got float"),
        ({"model_type": "gpt2", "n_embd": 10**12}, "`n_embd: 1000000000000`; 1,000,000,000 is the largest"),
        ({"model_type": "gpt2", "n_positions": 10**18}, "`n_positions: 1000000000000000000`; 1,000,000,000 is the"),
        ({"model_type": "gpt2", "n_embd": 10**9, "n_head": 1}, "that can be made: with `n_embd: 1000000000` a weight"),
        ({"model_type": "t5", "relative_attention_num_buckets": 10**18, "d_kv": 10**15, "num_layers": 3},
         "num_buckets: 1000000000000000000` and `d_kv: 1000000000000000` a weight has more bytes than PyTorch can"),
        *(({"model_type": kind, "max_position_embeddings": 10**7, **more}, "8,388,608 are waited for: write at most")
          for kind, more in {"pegasus": {}, "marian": {}, "roformer": {}, "xlm": {"sinusoidal_embeddings": True},
                             "flaubert": {"sinusoidal_embeddings": True}, "distilbert": {"sinusoidal_pos_embds": True},
                             }.items()),
        *(({"model_type": kind, "context_length": 10**8, "prediction_length": 24},
           "`context_length: 100000000, prediction_length: 24`, and transformers works out 64 sines for each position")
          for kind in ("informer", "autoformer", "time_series_transformer")),
        ({"model_type": "videomae", "image_size": 100_000}, "write at most 10,922 positions"),
        ({"model_type": "videomae", "num_frames": 10**7}, "`image_size: 224, num_frames: 10000000`"),
        ({"model_type": "resnet", "depths": [3, 10**6]}, "has `depths: 1000000`"),
        ({"model_type": "resnet", "hidden_sizes": [1] * 3000}, "lists 3,000 values in `hidden_sizes`"),
        ({"model_type": "bert", "hidden_size": 10**30}, "config.json"),
        ({"model_type": "bert", "hidden_size": "wide"}, "config.json"),
        ({"model_type": "bert", "hidden_size": 7, "num_attention_heads": 2}, "that can be made"),
        ('{"model_type": "bert"', "is no whole configuration"),
        ('{"model_type": "bert", "a": ' + "[" * 100_000, "is no whole configuration"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_said_in_one_line(said: Any, told: str, tmp_path: Path) -> None:
    assert told in refused(said, tmp_path)


def test_what_stops_the_call_with_most_inputs_is_said(tmp_path: Path) -> None:
    """A picture alone lacks tokens; with them it stops at the place of pictures among them, which nobody stated."""
    part = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    asks = {**part, "encoder_hidden_size": 8, "vocab_size": 9}
    text = {"model_type": "opt", "hidden_size": 8, "num_hidden_layers": 1, "ffn_dim": 8, "num_attention_heads": 2,
            "vocab_size": 9, "word_embed_proj_dim": 8}  # fmt: skip
    said = {"architectures": ["Blip2ForConditionalGeneration"], "model_type": "blip-2", "image_token_index": None,
            "vision_config": {**part, "image_size": 28}, "qformer_config": asks, "text_config": text}  # fmt: skip
    assert "given 3×28×28 and 128, stops" in refused(said, tmp_path)


def test_nothing_is_fetched_and_the_environment_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def no(*_: Any, **__: Any) -> Any:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", no)
    monkeypatch.setattr(socket, "getaddrinfo", no)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    said = {**CONFIGS["bert"][0], "attn_implementation": "kernels-community/flash-attn",
            "_name_or_path": "owner/model", "use_pretrained_backbone": True}  # fmt: skip
    assert read(said, tmp_path).totals.parameters
    assert "HF_HUB_OFFLINE" not in os.environ


def test_without_transformers_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archscope.tracing.configs.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"needs transformers: pip install 'archscope\[hf\]'"):
        open_network(written(CONFIGS["bert"][0], tmp_path))


def test_every_command_takes_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(written(CONFIGS["llama"][0], tmp_path))
    for command in (["table", path, "--input", "8"], ["explain", path, "lm_head"], ["diff", path, path]):
        assert main(command) == 0, capsys.readouterr().err
    # Its code makes masks for each batch, which no rule of memory follows: the numbers are there, "at least".
    capsys.readouterr()
    assert main(["memory", path]) == 2
    assert "other ones in another batch" in capsys.readouterr().err
