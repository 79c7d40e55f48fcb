"""Attention that gives its weights too, as `nn.MultiheadAttention` does unless it is told not to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope.cli import tracked
from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.shared import same

LENGTH, WIDE = 9, 16


def _itself(s: Gives, x: Tensor) -> Tensor:
    y, _ = s.attend(x, x, x)
    return y


def _each_head(s: Gives, x: Tensor) -> Tensor:
    y, _ = s.attend(x, x, x, average_attn_weights=False)
    return y


def _given_keys(s: Gives, x: Tensor) -> Tensor:
    keys = torch.tanh(x)
    y, _ = s.attend(x, keys, keys)
    return y


def _hiding(s: Gives, x: Tensor) -> Tensor:
    return s.attend(x, x, x, attn_mask=s.later)[0]


def _twice(s: Gives, x: Tensor) -> Tensor:
    x, _ = s.attend(x, x, x)
    x, _ = s.attend(x, x, x)
    return x


def _read(s: Gives, y: Tensor, shares: Tensor) -> Tensor:
    """What a layer makes of the weights, and the values that they gave."""
    made: Tensor = s.read(shares[..., :LENGTH])
    return y + (made if s.first else made.transpose(0, 1))


def _keys_read(s: Gives, x: Tensor) -> Tensor:
    keys = torch.tanh(x)
    return _read(s, *s.attend(x, keys, keys))


def _heads_read(s: Gives, x: Tensor) -> Tensor:
    y, shares = s.attend(x, x, x, average_attn_weights=False)
    return _read(s, y, shares.sum(1))


def _first_head_read(s: Gives, x: Tensor) -> Tensor:
    y, shares = s.attend(x, x, x, average_attn_weights=False)
    return _read(s, y, shares[:, 0])


def _twice_read(s: Gives, x: Tensor) -> Tensor:
    x, first = s.attend(x, x, x)
    x, second = s.attend(x, x, x)
    return _read(s, x, first * second)


FORMS: dict[str, Callable[[Gives, Tensor], Tensor]] = {
    "itself": _itself,
    "itself, the weights let go of": lambda s, x: s.attend(x, x, x)[0],
    "beside its input": lambda s, x: x + s.attend(x, x, x)[0],
    "each head's": _each_head,
    "each head's, let go of": lambda s, x: s.attend(x, x, x, average_attn_weights=False)[0],
    "others' keys": _given_keys,
    "others' keys and values": lambda s, x: s.attend(x, torch.tanh(x), torch.sigmoid(x))[0],
    "hiding what is later": _hiding,
    "twice": _twice,
    "read": lambda s, x: _read(s, *s.attend(x, x, x)),
    "read, hiding what is later": lambda s, x: _read(s, *s.attend(x, x, x, attn_mask=s.later)),
    "others' keys, read": _keys_read,
    "each head's, read": _heads_read,
    "one head's, read": _first_head_read,
    "twice, read": _twice_read,
}


class Gives(nn.Module):
    """Attention between two dense layers."""

    def __init__(self, form: str, *, first: bool, wide: int = WIDE, **more: Any) -> None:
        super().__init__()
        self.form, self.first = FORMS[form], first
        self.before, self.after = nn.Linear(wide, wide), nn.Linear(wide, 3)
        self.read = nn.Linear(LENGTH, wide)
        self.attend = nn.MultiheadAttention(wide, **{"num_heads": 4, "batch_first": first, **more})
        hidden = torch.ones(LENGTH, LENGTH).triu(1).bool()
        self.register_buffer("later", torch.zeros(LENGTH, LENGTH).masked_fill(hidden, float("-inf")))

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        made = torch.relu(self.form(self, x if self.first else x.transpose(0, 1)))
        shares: Tensor = self.after(made if self.first else made.transpose(0, 1))
        return shares


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("first", [True, False], ids=["batch first", "positions first"])
@pytest.mark.parametrize("form", FORMS)
def test_weights_that_it_gives_are_held_as_the_tracker_says(form: str, first: bool, optimizer: str | None) -> None:
    same(Gives(form, first=first), (LENGTH, WIDE), optimizer, batch=3)


@pytest.mark.parametrize("more", [{"dropout": 0.1}, {"num_heads": 1}, {"bias": False}, {"add_bias_kv": True},
                                  {"add_zero_attn": True}], ids=str)  # fmt: skip
@pytest.mark.parametrize("form", ["itself", "each head's", "others' keys", "read", "each head's, read"])
def test_of_every_option_too(form: str, more: dict[str, Any]) -> None:
    same(Gives(form, first=True, **more), (LENGTH, WIDE), "sgd")
    same(Gives(form, first=False, **more), (LENGTH, WIDE), None, batch=1)


class Keeps(nn.Module):
    """Has what it is given in a variable while a wide layer runs, which holds more than attention."""

    def __init__(self, *, averaged: bool) -> None:
        super().__init__()
        self.attend, self.after = nn.MultiheadAttention(WIDE, 4, batch_first=True), nn.Linear(WIDE, 900)
        self.averaged = averaged

    def forward(self, x: Tensor) -> Tensor:
        made, shares = self.attend(x, x, x, average_attn_weights=self.averaged)  # noqa: RUF059 - it is held
        wide: Tensor = self.after(made)
        return wide


@pytest.mark.parametrize("averaged", [True, False])
def test_what_the_code_still_has_of_them_is_there_in_a_later_layer(averaged: bool) -> None:
    same(Keeps(averaged=averaged), (LENGTH, WIDE), None, batch=3)


@pytest.mark.parametrize("form", ["itself", "others' keys", "others' keys and values"])
def test_queries_are_there_until_all_is_given_also_where_they_are_most_of_it(form: str) -> None:
    same(Gives(form, first=True, wide=64, num_heads=1), (2, 64), None, batch=3)


@pytest.mark.parametrize("form", ["itself", "each head's, let go of", "twice"])
def test_under_autocast_in_another_type_and_a_second_time(form: str) -> None:
    called = call_thing(Gives(form, first=False), [(LENGTH, WIDE)], {})
    step: dict[str, Any] = {"optimizer": "sgd"}
    for asked in ({**step, "autocast": "bfloat16"}, {"autocast": "float16"}, {"dtype": "bfloat16"},
                  {**step, "dtype": "float16"}, {**step, "checkpoint": ["attend"]}):  # fmt: skip
        said = memory(called.network, 2, **asked)
        found = tracked.hold(called, said.request)
        assert (dict(said.not_covered), found.differing, found.why) == ({}, (), "")


class ReadsAlone(nn.Module):
    """Reads the weights and has the values in a variable meanwhile, or gives both."""

    def __init__(self, *, gives: bool) -> None:
        super().__init__()
        self.attend, self.after, self.gives = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(4, 3), gives

    def forward(self, x: Tensor) -> Any:
        made, shares = self.attend(x, x, x)
        return (made, self.after(shares)) if self.gives else self.after(shares)


def test_weights_that_alone_are_read_are_named_where_their_values_keep_something() -> None:
    same(ReadsAlone(gives=False), (4, 8), None)
    same(ReadsAlone(gives=True), (4, 8), "adam", batch=3)
    said = memory(call_thing(ReadsAlone(gives=False), [(4, 8)], {}).network, optimizer="sgd")
    assert dict(said.not_covered) == {
        "attend": "its weights alone are read, and no rule follows what its values keep while its code has them"
    }
