"""Floors against figures worked out by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from archscope import NotFound, UsageError, analyze, read
from archscope.bench.ceilings import Ceilings, cached, keep, read_ceilings
from archscope.bench.floors import floors, total_flops
from archscope.bench.hardware import HARDWARE, find_hardware
from archscope.bench.precision import PRECISIONS
from archscope.layers.asked import hidden_pairs
from tests.bench.networks import ALEXNET, LENET, chain, conv

BF16 = PRECISIONS["bf16"]


@pytest.fixture
def given(tmp_path: Path) -> Ceilings:
    path = tmp_path / "ceilings.json"
    path.write_text(json.dumps({"peak_flops": {"bf16": 790e12}, "bandwidth": {"copy": 4.3e12}}))
    return read_ceilings(path)


def test_alexnet_on_given_ceilings(given: Ceilings) -> None:
    found = floors(analyze(ALEXNET), given, BF16, batch=256)
    assert found.f1 == pytest.approx(469.5e-6, rel=0.0005)
    assert found.f2 == pytest.approx(659.6e-6, rel=0.0005)


def test_lenet_on_given_ceilings(given: Ceilings) -> None:
    assert floors(analyze(LENET), given, BF16, batch=1024).f2 == pytest.approx(8.22e-6, rel=0.0005)


def test_a_pooling_layer_reads_once_and_writes_once(given: Ceilings) -> None:
    layers = {each.row.name: each for each in floors(analyze(ALEXNET), given, BF16, batch=256).layers}
    assert layers["lrn1"].traffic == 2 * 96 * 55 * 55 * 2 * 256
    assert layers["pool1"].traffic == (96 * 55 * 55 + 96 * 27 * 27) * 2 * 256
    assert (layers["lrn1"].flops, layers["lrn1"].bound) == (0, "memory")


def test_bias_and_activation_ride_along(given: Ceilings) -> None:
    layers = {each.row.name: each for each in floors(analyze(ALEXNET), given, BF16, batch=256).layers}
    assert layers["conv1"].traffic == (34_944 + 256 * (3 * 227 * 227 + 96 * 55 * 55)) * 2
    assert layers["conv1"].bound == "compute"
    assert (layers["flatten"].traffic, layers["flatten"].floor, layers["flatten"].bound) == (0, 0, None)


def test_an_activation_on_a_row_of_its_own_is_free_too(given: Ceilings) -> None:
    steps = [("conv", "conv2d", {"out_channels": 8, "kernel_size": 3}), ("act", "relu", {})]
    (_, act) = floors(analyze(chain("two", (3, 32, 32), *steps)), given, BF16, batch=1).layers
    assert act.floor == 0


def test_f1_is_never_above_f2(given: Ceilings) -> None:
    for network in (LENET, ALEXNET):
        for mode in ("infer", "train"):
            for batch in (1, 8, 1024):
                found = floors(analyze(network), given, BF16, batch=batch, mode=mode)
                assert found.f1 is not None
                assert found.f2 is not None
                assert found.f1 <= found.f2


def test_at_batch_one_the_weights_decide(given: Ceilings) -> None:
    found = floors(analyze(ALEXNET), given, BF16, batch=1)
    assert found.f1 == pytest.approx((60_965_224 + 3 * 227 * 227 + 1000) * 2 / 4.3e12)


def test_of_a_table_one_row_is_read_and_of_experts_those_that_run(given: Ceilings) -> None:
    # All 16 tokens may be the same: 16 tokens in, 16 vectors of 64 out, and one vector read.
    words = chain("words", (16,), ("e", "embedding", {"num_embeddings": 100_000, "embedding_dim": 64}))
    found = floors(analyze(words), given, BF16, batch=2)
    assert found.layers[0].traffic == (64 + 2 * (16 + 16 * 64)) * 2
    assert found.f1 == found.f2 == pytest.approx((64 + 2 * (16 + 16 * 64)) * 2 / 4.3e12)
    trained = floors(analyze(words), given, BF16, batch=2, mode="train").f1
    assert trained == pytest.approx((2 * 64 + 2 * (16 + 16 * 64)) * 2 / 4.3e12)
    bags = chain("bags", (16,), ("e", "embedding_bag", {"num_embeddings": 100_000, "embedding_dim": 64}))
    assert floors(analyze(bags), given, BF16, batch=2).layers[0].traffic == (64 + 2 * (16 + 64)) * 2
    # Of 8 experts of 3·64·32 weights 2 run; the router reads 64 values for each.
    options = {"num_experts": 8, "top_k": 2, "hidden_features": 32, "num_shared_experts": 1}
    experts = chain("experts", (16, 64), ("m", "mixture_of_experts", options))
    weights = 8 * 64 + (2 + 1) * 3 * 64 * 32
    assert floors(analyze(experts), given, BF16, batch=1).layers[0].traffic == (weights + 2 * 16 * 64) * 2


def test_a_head_tied_to_a_table_reads_all_of_it_and_gives_it_a_gradient(given: Ceilings) -> None:
    tied = read("""
input: {first: [16], second: [16]}
layers:
  e: {type: embedding, num_embeddings: 1000, embedding_dim: 64, from: first}
  head: {type: linear, out_features: 1000, bias: false, shares: e}
  again: {type: embedding, num_embeddings: 1000, embedding_dim: 64, from: second, shares: e}
output: [head, again]
""")
    analysis = analyze(tied)
    table, head, again = floors(analysis, given, BF16, batch=1).layers
    assert table.traffic == again.traffic == (64 + 16 + 16 * 64) * 2
    assert head.traffic == (1000 * 64 + 16 * 64 + 16 * 1000) * 2
    ends = 16 + 16 + 16 * 1000 + 16 * 64
    assert floors(analysis, given, BF16, batch=1).f1 == pytest.approx((1000 * 64 + ends) * 2 / 4.3e12)
    once = 2 * 16 * 64 * 1000
    assert total_flops(analysis, batch=1, mode="train") == 3 * once


def test_training_adds_two_gradients_but_none_of_the_input(given: Ceilings) -> None:
    network = chain("two", (3, 32, 32), *conv("one", 8, 3, padding=1), *conv("two", 8, 3, padding=1))
    first, second = 3 * 9 * 8 * 1024, 8 * 9 * 8 * 1024
    assert total_flops(analyze(network), batch=4, mode="infer") == 2 * (first + second) * 4
    assert total_flops(analyze(network), batch=4, mode="train") == 2 * (2 * first + 3 * second) * 4


def test_a_missing_rate_leaves_the_floor_out_and_says_nothing_false(given: Ceilings) -> None:
    found = floors(analyze(ALEXNET), given, PRECISIONS["fp32"], batch=1)
    assert found.f1 is None
    assert found.f2 is None
    assert {each.row.name: each.floor for each in found.layers}["pool1"] is not None


def test_amp_stores_wide_and_moves_narrow(given: Ceilings) -> None:
    wide = floors(analyze(ALEXNET), given, PRECISIONS["amp-bf16"], batch=1)
    assert wide.f1 == pytest.approx((60_965_224 * 4 + (3 * 227 * 227 + 1000) * 2) / 4.3e12)


@pytest.mark.parametrize("name", HARDWARE)
def test_every_named_device_states_its_source_and_its_rates(name: str) -> None:
    device = HARDWARE[name]
    assert set(device.peak_flops) == {"fp32", "tf32", "bf16", "fp16"}
    assert "NVIDIA" in device.source
    assert f"{device.peak_flops['fp32'] / 1e12:g}" in device.source


def test_hardware_is_found_however_it_is_spelled() -> None:
    assert find_hardware("RTX 4090") is HARDWARE["rtx4090"]
    with pytest.raises(NotFound, match=r"no figures for hardware `h20`; did you mean `h200`\?"):
        find_hardware("h20")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "expected a JSON object"),
        ("{}", "expected ceilings such as"),
        (
            '{"peak_flops": {"fp32": -1}, "bandwidth": 1e9}',
            r"`peak_flops.fp32` must be bigger than or equal to 1, got -1",
        ),
        ('{"peak_flops": {"fp32": "fast"}, "bandwidth": 1e9}', "got 'fast'"),
    ],
)
def test_a_bad_ceilings_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_ceilings(path)
    assert "\n" not in str(caught.value)


def test_a_missing_ceilings_file_is_named() -> None:
    with pytest.raises(NotFound, match=r"cannot read ceilings from nowhere.json: no such file"):
        read_ceilings("nowhere.json")


def test_ceilings_are_kept_for_a_day_by_device_and_versions(
    tmp_path: Path, given: Ceilings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    identity = {"device": "x", "torch": "2.13"}
    assert cached(identity, now=1000.0) is None
    assert keep(given, identity, now=1000.0)
    found = cached(identity, now=1000.0 + 23 * 3600)
    assert found is not None
    assert found.peak_flops == given.peak_flops
    assert "kept for a day" in found.source
    assert cached(identity, now=1000.0 + 25 * 3600) is None
    assert cached({**identity, "torch": "2.14"}, now=1000.0) is None


def test_noisy_ceilings_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    noisy = Ceilings("x", "measured", {"fp32": 1e9}, {"copy": 1e9}, noise="noisy")
    assert not keep(noisy, {"device": "x"})
    assert cached({"device": "x"}) is None


def test_floors_need_no_pytorch() -> None:
    program = (
        "import sys; import archscope.bench.floors, archscope.bench.ceilings, archscope.bench.hardware, "
        "archscope.bench.statistics, archscope.bench.timing, archscope.bench.fake; "
        "print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_a_causal_mask_hides_is_in_no_floor() -> None:
    text = ("name: a\ninput: [8, 16, 32]\nlayers:\n"
            "  a: {type: scaled_dot_product_attention, is_causal: %s, from: [input, input, input]}\n")  # fmt: skip
    whole, causal = (analyze(read(text % each)) for each in ("false", "true"))
    rates = Ceilings("x", "given", {"fp32": 1e3}, {"copy": 1e12})
    found = [floors(each, rates, PRECISIONS["fp32"], batch=2) for each in (whole, causal)]
    # 16 queries see 1 to 16 keys, 136 of 256 pairs; each pair is 32 + 32 MACs in 8 heads of 2 samples.
    for each, pairs in zip(found, (256, 136), strict=True):
        assert each.f1 == each.f2 == pytest.approx(2 * 2 * 8 * pairs * 64 / 1e3)
    assert [each.layers[0].flops for each in found] == [2 * 2 * 8 * 256 * 64] * 2
    trained = floors(causal, rates, PRECISIONS["fp32"], batch=2, mode="train")
    assert trained.f1 == found[1].f1


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (5, 5), (3, 9), (9, 3)])
def test_hidden_pairs_are_those_of_pytorchs_mask(queries: int, keys: int) -> None:
    torch = pytest.importorskip("torch")
    seen = torch.ones(queries, keys).tril()
    assert hidden_pairs(queries, keys) == int((seen == 0).sum())


def test_a_causal_mask_hides_scores_of_attention_and_none_of_its_projections() -> None:
    from archscope.layers import MultiheadAttention

    hidden = [layer.hidden_macs(layer.facts((16, 64))) for layer in
              (MultiheadAttention(num_heads=4), MultiheadAttention(num_heads=4, causal=True),
               MultiheadAttention(num_heads=4, causal=True, head_dim=32))]  # fmt: skip
    assert hidden == [0, 2 * 64 * 120, 2 * 4 * 32 * 120]
