"""What allocators give: the profiler's events on the CPU, and CUDA's peak where there is a device, or a fake one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import archscope
from archscope.memory import memory
from archscope.oracles import Finding, Verdict, allocated, verify
from archscope.oracles.allocated import CUDA_ROUNDS, on_cuda, on_the_cpu
from archscope.oracles.tracking import Called


def found(name: str, watch: Any) -> list[Finding]:
    network = archscope.load(name)
    model = archscope.build(network)
    ours, inference = memory(network, 2, optimizer="sgd"), memory(network, 2)
    return [*allocated.judged("here", Called(model, model.example_inputs(2)), watch, ours, inference)]


def test_the_profiler_counts_what_is_made_and_what_is_let_go() -> None:
    def run() -> torch.Tensor:
        return (torch.zeros(100) + 1)[:50].clone()

    result, taken = on_the_cpu(run)
    # Zeros and their sum: at most 400 + 400 at once, and a few bytes for the number; half of it stays, 200.
    assert result.shape == (50,)
    assert taken.after == 200
    assert 800 <= taken.most <= 816


@pytest.mark.parametrize("name", ["lenet5", "lenet5-pytorch", "resnet-cifar@20"])
def test_the_profiler_says_what_stays_and_never_less_than_the_most(name: str) -> None:
    findings = found(name, on_the_cpu)
    assert {each.verdict for each in findings} == {Verdict.AGREES}
    assert len(findings) == 6
    exact = [each for each in findings if each.quantity.startswith("bytes after") and not each.why]
    assert exact or name != "lenet5-pytorch"


def test_a_byte_more_than_the_profiler_sees_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def less(run: Any) -> tuple[Any, allocated.Taken]:
        result, taken = on_the_cpu(run)
        return result, taken._replace(after=taken.after - 1_000_000, most=0)

    assert all(each.verdict is Verdict.DIFFERS for each in found("lenet5-pytorch", less))


def test_a_number_that_a_pass_lets_go_is_no_difference_of_its_most() -> None:
    network = archscope.read("""
name: vae
input: [20]
layers:
  mean: {type: linear, out_features: 2, from: input}
  spread: {type: linear, out_features: 2, from: input}
  half: {type: scale, factor: 0.5}
  z: {type: add, from: [mean, half]}
  x: {type: linear, out_features: 20}
""")
    findings = verify(network, ["memory"]).findings
    assert {each.verdict for each in findings} == {Verdict.AGREES}
    said = {each.quantity: (each.theirs - each.ours, each.why) for each in findings if "on the CPU" in each.quantity}
    # The factor, a number of eight bytes: held by the pass forward, and let go before the pass back has its most.
    assert said["bytes after forward pass of training, on the CPU"] == (8, allocated.NUMBERS)
    assert said["most bytes in backward pass of training, on the CPU"] == (0, "")
    assert said["bytes after backward pass of training, on the CPU"] == (0, "")


def test_constants_are_added_to_a_product_where_it_lies_unless_a_tracker_watches() -> None:
    network = archscope.read("{name: gru, input: [5, 8], layers: {r: {type: gru, hidden_size: 16}}}")
    findings = verify(network, ["memory"]).findings
    assert {each.verdict for each in findings} == {Verdict.AGREES}
    # Most is held where the states are stacked, for two samples: a state to begin with, what the gates see of all
    # inputs, five states and the stack of them; 4 * 2 * (16 + 5 * 48 + 5 * 16 + 5 * 16) = 3,328. A tracker has the
    # product and the sum at once, 4 * 2 * (16 + 2 * 5 * 48) = 3,968.
    quantity = "most bytes in inference, on the CPU"
    assert next((each.ours, each.theirs) for each in findings if each.quantity == quantity) == (3328, 3328)
    begun = 4 * (1248 + 2 * 40)
    as_tracked = memory(network, 2, as_tracked=True)["forward"].most.total
    assert as_tracked - begun == 3968


class FakeCuda:
    """As much of ``torch.cuda`` as is asked: an allocator that gives multiples of 512 bytes, on the CPU's events."""

    def __init__(self) -> None:
        self.held = self.most = 0

    def synchronize(self) -> None:
        pass

    def reset_peak_memory_stats(self) -> None:
        self.most = self.held

    def memory_allocated(self) -> int:
        return self.held

    def max_memory_allocated(self) -> int:
        return self.most


def fake_cuda(monkeypatch: pytest.MonkeyPatch, missing: int = 0) -> Any:
    """Watches as `on_cuda` does, on a device that rounds up each piece that the CPU's profiler saw given and taken.

    ``missing`` is how many bytes of each pass it says nothing of.
    """
    fake = FakeCuda()
    for name in ("synchronize", "reset_peak_memory_stats", "memory_allocated", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, getattr(fake, name))

    def on_fake(run: Any) -> tuple[Any, allocated.Taken]:
        def inside() -> Any:
            result, sizes = allocated._events(run)
            fake.held -= missing
            for size in sizes:
                fake.held += -(-abs(size) // CUDA_ROUNDS) * CUDA_ROUNDS * (1 if size > 0 else -1)
                fake.most = max(fake.most, fake.held)
            return result

        return on_cuda(inside)

    return on_fake


@pytest.mark.parametrize("name", ["lenet5", "lenet5-pytorch", "lenet5-1998"])
def test_cuda_is_asked_where_there_is_a_device(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What the pass forward keeps is rounded up, and let go rounded up: the pass back ends with no less for it."""
    findings = found(name, fake_cuda(monkeypatch))
    assert not [each.sentence for each in findings if each.verdict is not Verdict.AGREES]
    assert any("multiples of 512 bytes" in each.why for each in findings)


def fused(input: torch.Tensor, p: float, training: bool, inplace: bool = False) -> torch.Tensor:
    """Dropout as CUDA computes it: one kernel that keeps its mask in bytes."""
    return torch.native_dropout(input, p, training)[0] if training else input


def test_masks_of_cudas_dropout_are_known_for_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.functional, "dropout", fused)
    network = archscope.read("""
name: drops
input: [100]
layers:
  fc1: {type: linear, out_features: 1000}
  drop: {type: dropout}
  fc2: {type: linear, out_features: 10}
""")
    model, training = archscope.build(network), memory(network, 2, optimizer="sgd")
    called = Called(model, model.example_inputs(2))
    findings = [*allocated.judged("here", called, fake_cuda(monkeypatch), training, memory(network, 2))]
    assert {each.verdict for each in findings} == {Verdict.AGREES}
    (masks,) = (each for each in findings if each.why == allocated.MASKS and "after" in each.quantity)
    # Two samples of a thousand values: a byte each instead of four. They are given as four times 512, and what drop
    # and fc2 make, 8,000 and 80 bytes, as sixteen times and once.
    assert masks.ours - masks.theirs == 2 * 1000 * (4 - 1) - (2048 - 2000) - (8192 - 8000) - (512 - 80)
    # What is missing beyond them is a difference still.
    findings = [*allocated.judged("here", called, fake_cuda(monkeypatch, 5000), training, memory(network, 2))]
    assert Verdict.DIFFERS in {each.verdict for each in findings}


def test_verify_asks_a_device_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocated, "cuda", lambda: "cpu")
    monkeypatch.setattr(allocated, "on_cuda", on_the_cpu)
    said = verify(archscope.load("lenet5"), ["memory"])
    assert not said.differing
    assert any("on CUDA" in each.quantity for each in said.findings)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("name", ["lenet5", "alexnet-torchvision", "resnet@18"])
def test_cuda_gives_no_less_than_the_rules_say(name: str) -> None:
    said = verify(archscope.load(name), ["memory"])
    of_cuda = [each for each in said.findings if "on CUDA" in each.quantity]
    assert of_cuda
    assert not [each.sentence for each in of_cuda if each.verdict is Verdict.DIFFERS]


def test_the_largest_of_a_row_are_noted_for_a_gradient_or_a_tracker_alone() -> None:
    network = archscope.read("{name: rows, input: [4, 8], layers: {d: {type: linear, out_features: 8}, "
                             "p: {type: max_pool1d, kernel_size: 2}}}")  # fmt: skip
    findings = verify(network, ["memory"]).findings
    assert {each.verdict for each in findings} == {Verdict.AGREES}
    # Of two samples 2·4·8 values in 4 bytes and half of them, with their places in 8 bytes each where they are noted.
    found = {each.quantity: (each.ours, each.theirs) for each in findings}
    assert found["most bytes in inference, on the CPU"] == (256 + 128, 256 + 128)
    assert found["bytes after forward pass of training, on the CPU"] == (256 + 128 + 256, 256 + 128 + 256)
    inference = memory(network, 2, as_tracked=True)["forward"].most.total
    assert inference == memory(network, 2)["forward"].most.total + 256
