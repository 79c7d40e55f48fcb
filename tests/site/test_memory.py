"""Memory on a page: the phases, the largest batch for usual cards, and the sentence that says whether it fits."""

from __future__ import annotations

import pytest

import archscope
from archscope.memory import Request, fitting, largest_batches, memory, passes, phases
from archscope.site import build
from archscope.site.memory import CARDS, held


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("name", ["lenet5", "alexnet-torchvision", "resnet@18"])
def test_the_largest_batch_of_every_card_fits_and_one_more_does_not(name: str, optimizer: str | None) -> None:
    network = archscope.load(name)
    rooms = [1 << 22, 1 << 28, CARDS[0][0] << 30, CARDS[-1][0] << 30]
    for room, batch in zip(rooms, largest_batches(network, rooms, Request(optimizer=optimizer)), strict=True):
        if batch:
            assert memory(network, batch, optimizer=optimizer).peak.most.total <= room
        assert memory(network, batch + 1, optimizer=optimizer).peak.most.total > room


def test_a_page_says_whether_it_fits_a_card_and_why_not() -> None:
    small = held(archscope.analyze("lenet5")).lead
    assert "Does it fit your GPU? With 8 GiB (RTX 4060, laptops) a batch of 64,656 of LeNet-5 trains." in small
    large = held(archscope.analyze("gpt2@xl")).lead
    # 4 bytes a weight, 4 for its gradient and 8 for Adam: 16·1,557,611,200 are 23.2 GiB.
    assert 16 * 1_557_611_200 // 2**30 == 23
    assert "A smaller card cannot train it: weights, gradients and Adam's state take 23.2 GiB" in large
    none = held(archscope.analyze("llama2@7b")).lead
    assert "It does not train on any single card here" in none


def test_what_values_decide_is_at_least_on_a_page() -> None:
    found = held(archscope.analyze("mixtral"))
    assert "take at least" in found.lead
    assert any("Values decide: decoder.0.experts" in note for note in found.notes)


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_the_section_stands_on_the_page(format: str) -> None:
    site = build(["lenet5-pytorch"], format=format)
    page = next(each.decode() for name, each in site.files.items() if name.startswith("lenet5-pytorch/index"))
    for text in ("What it holds in memory, and whether it fits", "Does it fit your GPU?", "optimizer step",
                 "Batch that trains with Adam", "on CUDA what the allocator reserves is more"):  # fmt: skip
        assert text in page


def test_a_page_lets_a_network_run_once_for_each_way_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Request] = []
    for module in (fitting, phases):
        monkeypatch.setattr(module, "went", lambda run, request: ran.append(request) or passes.went(run, request))
    held(archscope.analyze("lenet5-pytorch"))
    assert [(each.optimizer, each.autocast) for each in ran] == [
        ("adam", None), (None, None), ("adam", None), ("adam", "bfloat16")]  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("name", ["lenet5", "alexnet", "gpt2@small", "lstm-lm@small", "mixtral", "resnet-cifar@20"])
def test_one_run_says_how_what_is_held_grows_with_the_batch(name: str, optimizer: str | None) -> None:
    network = archscope.load(name)
    request = Request(optimizer=optimizer)
    batches = [1, 2, 3, 100, 12_345, 1_234_567_890]
    rooms = [memory(network, batch, optimizer=optimizer).at_most for batch in batches]
    assert largest_batches(network, rooms, request) == batches
    assert largest_batches(network, [each - 1 for each in rooms], request) == [each - 1 for each in batches]
