"""What a module's code makes and no layer does: held from when it is made until it goes, kept where it is needed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.formats.memory import write
from archscope.memory import memory
from archscope.oracles import Verdict, verify
from archscope.tracing.calling import call_thing
from tests.memory.shared import same
from tests.memory.test_modules import Stateful


class Attends(nn.Module):
    """Attention with a mask that its code makes: of yes and no, of numbers, or one of each sample."""

    def __init__(self, mask: str) -> None:
        super().__init__()
        self.mask, self.a, self.out = mask, nn.Linear(8, 24), nn.Linear(8, 3)

    def made(self, batch: int, length: int) -> Tensor:
        later = torch.ones(length, length, dtype=torch.bool).tril()
        if self.mask == "yes and no":
            return later
        if self.mask == "numbers":
            return torch.zeros(length, length).masked_fill(~later, float("-inf"))
        return later.expand(batch, 1, length, length).clone()

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        mask = self.made(batch, length)
        q, k, v = (each.view(batch, length, 2, 4).transpose(1, 2) for each in self.a(x).chunk(3, -1))
        return self.out(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2))


class Counted(nn.Module):
    """Places by their numbers, as GPT-2 has them."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.places, self.out = nn.Embedding(60, 8), nn.Embedding(16, 8), nn.Linear(8, 60)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.table(ids) + self.places(torch.arange(16, device=ids.device)))


class Remembers(nn.Module):
    """Two states that begin with zeros, of which the second is the first again."""

    def __init__(self) -> None:
        super().__init__()
        self.steps, self.out = nn.LSTM(8, 6, batch_first=True), nn.Linear(6, 50)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(1, len(x), 6)
        return self.out(self.steps(x, (state, torch.zeros_like(state)))[0])


class Wasteful(nn.Module):
    """Makes more than it needs: before, between and behind its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 50), nn.Linear(50, 4)

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.arange(100) * 2
        x = torch.tanh(self.a(x))
        wide = torch.ones(len(x), 30)
        del rows
        x = self.b(x)
        wide = wide + 1
        return torch.relu(x)


class Later(nn.Module):
    """Makes tensors after its last layer, when it has what a layer before made yet, and no more what that read."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 50), nn.Linear(50, 4)

    def forward(self, x: Tensor) -> Tensor:
        wide = torch.sin(torch.tanh(self.a(x)))
        x = self.b(wide)
        torch.ones(len(x), 300)
        del wide
        torch.ones(len(x), 340)
        return x


class Caches(nn.Module):
    """As transformers' GPT-2: keys and values are copied into a cache, which the module gives too, or does not."""

    def __init__(self, given: bool) -> None:
        super().__init__()
        self.given, self.qkv, self.out = given, nn.Linear(8, 24), nn.Linear(8, 40)

    def forward(self, x: Tensor) -> Any:
        q, k, v = (each.view(len(x), -1, 2, 4).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        k, v = torch.cat([torch.tensor([]), k], -2), v.clone()
        made = self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return (made, (k, v)) if self.given else made


class Rows(nn.Module):
    """Rows of a table, looked up by their numbers, that nothing has when the widest layer runs, or the code has."""

    def __init__(self, held: bool) -> None:
        super().__init__()
        self.held, self.table, self.out = held, nn.Embedding(40, 30), nn.Linear(30, 200)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.table(torch.arange(6) + 3)
        x = x + rows
        rows = rows if self.held else None
        return torch.tanh(self.out(x))


class Biased(nn.Module):
    """Relative positions in a window of 2×2, looked up once and added to the scores of two attentions, as T5 does.

    Args:
        hides: whether the code also hides what comes later, in the bias itself.
        written: whether attention is written out, and not one call.
    """

    def __init__(self, hides: bool, written: bool = False) -> None:
        super().__init__()
        self.hides, self.written, self.table = hides, written, nn.Parameter(torch.zeros(9, 2))
        self.a, self.b = nn.Linear(8, 24), nn.Linear(8, 24)
        places = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")).flatten(1)
        apart = places[:, :, None] - places[:, None] + 1
        self.register_buffer("index", apart[0] * 3 + apart[1])

    def forward(self, x: Tensor) -> Tensor:
        bias = self.table[self.index.view(-1)].view(4, 4, 2).permute(2, 0, 1)[None]
        if self.hides:
            seen = torch.ones(4, 4, dtype=torch.bool).tril()
            bias = torch.where(seen, bias, torch.finfo(bias.dtype).min)
        for each in (self.a, self.b):
            q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in each(x).chunk(3, -1))
            if self.written:
                made = (q @ k.transpose(-1, -2) + bias).softmax(-1) @ v
            else:
                made = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
            x = made.transpose(1, 2).flatten(2)
        return x


MODULES: dict[str, tuple[Any, tuple[int, ...]]] = {
    **{f"a mask, {each}": (lambda each=each: Attends(each), (7, 8))
       for each in ("yes and no", "numbers", "of each")},
    "places": (Counted, (16,)),
    "a state": (Stateful, (5, 8)),
    "two states": (Remembers, (5, 8)),
    "what nothing reads": (Wasteful, (4,)),
    "after the last layer": (Later, (4,)),
    "a cache": (lambda: Caches(given=False), (7, 8)),
    "rows": (lambda: Rows(held=False), (6, 30)),
    "rows that stay": (lambda: Rows(held=True), (6, 30)),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
@pytest.mark.parametrize("name", MODULES)
def test_what_code_makes_beside_its_layers_is_held_byte_for_byte(name: str, optimizer: str | None, batch: int) -> None:
    make, shape = MODULES[name]
    same(make(), shape, optimizer, batch)


@pytest.mark.parametrize(
    ("optimizer", "batch"), [(None, 1), (None, 2), (None, 5), ("adam", 1), ("adam", 2), ("adam", 5)]
)
@pytest.mark.parametrize("hides", [False, True])
def test_a_bias_that_two_attentions_read_is_made_once_for_all_samples_and_held_until_both_have(
    hides: bool, optimizer: str | None, batch: int
) -> None:
    same(Biased(hides), (4, 8), optimizer, batch)


def test_the_gradients_of_a_bias_with_a_mask_are_those_of_one_for_all_samples_where_attention_is_written_out() -> None:
    same(Biased(hides=True, written=True), (4, 8), "adam", 2)


def test_a_cache_that_a_module_gives_is_held_as_long_as_what_it_gives() -> None:
    same(Caches(given=True), (7, 8), None)


class Choosing(nn.Module):
    """Reads which values count beside the values."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(50, 3)

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        return self.a(x)


def test_an_input_of_yes_and_no_takes_a_byte_a_value() -> None:
    network = archscope.trace(Choosing(), torch.zeros(2, 50), torch.zeros(2, 50, dtype=torch.bool))
    assert memory(network, 2)["after build"].after.held["values"] == 2 * 50 * 4 + 2 * 50


def test_verify_finds_no_difference_where_code_makes_constants() -> None:
    theirs = call_thing(Counted(), [(16,)], {})
    found = verify(theirs.network, ["memory"], module=theirs)
    assert len(found.findings) > 15
    assert {each.verdict for each in found.findings} == {Verdict.AGREES}
    # One sample and two.
    assert {"bytes after forward, inference", "bytes after forward, inference, 2 samples"} <= {
        each.quantity for each in found.findings
    }


def test_constants_are_named_with_their_bytes_and_with_who_needs_them() -> None:
    network = archscope.trace(Attends("numbers"), (7, 8))
    said = json.loads(write(memory(network, 2, optimizer="sgd"), "json"))
    # 7·7 of yes and no twice, then numbers, their opposite, and the mask, which attention keeps.
    assert [(each["function"], each["bytes"]) for each in said["constants"]] == [
        ("ones", 49), ("tril", 49), ("zeros", 196), ("invert", 49), ("masked_fill", 196),
    ]  # fmt: skip
    assert [each["kept_for"] for each in said["constants"]] == [[], [], [], [], ["scaled_dot_product_attention"]]
    table = " ".join(write(memory(network, 2), "table").split())
    assert ("In a forward pass the code makes 5 tensors that no layer does, 539 bytes together, most of which go at "
            "once; the largest is 196 bytes of `zeros` before a.") in table  # fmt: skip


class Odd(nn.Module):
    """Code of which it is not known what it holds, each time for another reason."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.a, self.b = way, nn.Linear(6, 6), nn.Linear(6, 6)
        self.scale, self.kept = nn.Parameter(torch.ones(6, 6)), None

    def forward(self, x: Tensor) -> Tensor:
        made: Any = self.a(x)
        if self.way == "copies":
            made = made * (made * 1.0)
        elif self.way == "gradient":
            made = F.linear(made, self.scale.softmax(-1))
        elif self.way == "later" and self.kept is None:
            self.kept = torch.ones(3)
        elif self.way == "apart":
            rows = made[:, None, None].expand(-1, 1, 2, 6)
            made = F.scaled_dot_product_attention(rows, rows, rows, torch.ones(1, 2, 2)).flatten(1)[:, :6]
        elif self.way == "otherwise":
            _ = [torch.ones(3) for _ in range(len(x))]
        elif self.way == "after":
            made, _ = made.topk(6, -1)
        result = self.b(made)
        _ = torch.ones(3) if self.way == "after" else None
        return result


@pytest.mark.parametrize(
    ("way", "why", "inference"),
    [
        ("copies", "its code copies what layers make (`mul`), and which of the two it has longer is not followed",
         True),
        ("gradient", "its code works on parameters beside its layers (`softmax`), and no rule follows their gradients",
         False),
        ("later", "its code keeps what it makes in one pass (`ones`) for the next", False),
        ("apart", "its code gives attention a mask of other than two or four axes, with which it runs in parts", True),
        ("after", "its code makes tensors after its last layer, and no rule follows what it has until then", True),
        ("otherwise", "its code makes tensors beside its layers, and other ones in another batch", True),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_said_and_the_numbers_are_at_least(way: str, why: str, inference: bool) -> None:
    network = archscope.trace(Odd(way), (6,))
    assert memory(network, optimizer="sgd").not_covered["Odd"] == why
    assert memory(network).not_covered.get("Odd", "") == (why if inference else "")


class Folded(nn.Module):
    """The positions of all samples are one axis of rows, which are halved; a bias that nobody trains chooses some."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.out = nn.Parameter(torch.rand(8, 10)), nn.Linear(5, 3)
        self.bias = nn.Parameter(torch.zeros(10), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.cumsum(x.flatten(0, 1) @ self.a, 0)
        chosen = torch.topk(rows.sigmoid() + self.bias, 2, -1)[1]
        first, second = rows.chunk(2, -1)
        return self.out(first * second) * rows.gather(1, chosen).sum(-1, keepdim=True)


@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_rows_of_all_samples_are_seen_in_parts_and_what_no_rule_follows_is_named(optimizer: str | None) -> None:
    named = memory(archscope.trace(Folded(), (6, 8)), 2, optimizer=optimizer).not_covered
    assert named["gather"] == "no rule says what `gather` keeps"


def test_types_and_groups_of_which_nothing_is_known_are_not_covered() -> None:
    network = archscope.trace(Counted(), (16,))
    for more, why in (({"dtype": "bfloat16"}, "is bfloat16 too"), ({"autocast": "bfloat16"}, "is cast to bfloat16")):
        (said,) = memory(network, **more).not_covered.values()
        assert why in said
