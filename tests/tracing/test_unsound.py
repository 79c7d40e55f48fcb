"""Modules whose own methods raise, leave or answer nothing where they are only looked at: each is told in its words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.errors import UsageError
from archscope.theirs import method_of_theirs, place_of
from archscope.tracing.calling import call_thing

METHODS = ("__getattr__", "__hash__", "named_parameters", "named_modules", "named_children", "named_buffers", "train",
           "eval", "modules")  # fmt: skip


class Sound(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        return self.layer(x)


def _raises(*_: Any, **__: Any) -> Any:
    raise ValueError("not\x1b[2J here")


def _leaves(*_: Any, **__: Any) -> Any:
    sys.exit(0)


def _recurs(*_: Any, **__: Any) -> Any:
    return _recurs()


def _with(name: str, method: Any) -> nn.Module:
    """A module of a class that has a method of its own."""
    made = Sound()
    made.__class__ = type("Odd", (Sound,), {name: method})
    return made


@pytest.mark.parametrize("method", [_raises, _leaves, _recurs])
@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_raises_that_is_only_asked_is_told_with_its_line(name: str, method: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match=r"Odd cannot be read: its `_\w+` raised \w+") as caught:
        archscope.trace(_with(name, method), (4,))
    assert "test_unsound.py:" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("name", ["parameters", "named_buffers", "modules", "named_children", "_named_members"])
def test_a_list_that_is_none_is_told_by_name(name: str) -> None:
    inner = _with(name, lambda *_, **__: None)
    with pytest.raises(UsageError, match=f"`1` .Odd. of Sequential has a method `{name}` of its own, which returned"):
        archscope.trace(nn.Sequential(nn.Linear(4, 4), inner), (4,))


@pytest.mark.parametrize("hidden", ["", "train", "named_parameters", "_buffers", "__class__", "training"])
@pytest.mark.parametrize("inside", [False, True])
def test_a_module_that_answers_nothing_for_what_every_module_has_is_told(hidden: str, inside: bool) -> None:
    def answers(self: nn.Module, name: str) -> Any:
        return None if name == hidden or not hidden else object.__getattribute__(self, name)

    odd = _with("__getattribute__", answers)
    says = rf"Odd has a `__getattribute__` of its own, which answers nothing for `{hidden}"
    with pytest.raises(UsageError, match=says):
        archscope.trace(nn.Sequential(nn.Linear(4, 4), odd) if inside else odd, (4,))


def test_a_module_with_an_own_way_to_answer_is_read() -> None:
    odd = _with("__getattribute__", lambda self, name: object.__getattribute__(self, name))
    assert archscope.analyze(archscope.trace(odd, (4,))).totals.parameters == 15


def test_a_module_without_a_hash_is_told_what_to_write() -> None:
    with pytest.raises(UsageError, match=r"Odd has no hash.*add `__hash__ = torch.nn.Module.__hash__`"):
        archscope.trace(_with("__eq__", lambda one, other: one is other), (4,))


def test_a_hash_that_is_no_number_is_told() -> None:
    with pytest.raises(
        UsageError, match=r"Odd has a `__hash__` of its own that returns no whole number; add `__hash__"
    ):
        archscope.trace(_with("__hash__", lambda _: None), (4,))


def test_a_train_that_returns_nothing_is_no_mistake() -> None:
    def train(self: nn.Module, mode: bool = True) -> None:
        nn.Module.train(self, mode)

    called = call_thing(_with("train", train), [(4,)], {})
    found = archscope.verify(called.network, ["FLOPs"], module=called)
    assert found.analysis.totals.macs == 12
    assert not found.differing


def test_a_module_that_contains_itself_is_told_where() -> None:
    made = nn.Sequential(nn.Linear(4, 4))
    made.append(nn.Sequential(nn.ReLU(), made))
    with pytest.raises(UsageError, match=r"Sequential is a module that contains itself, as `1.1`"):
        archscope.trace(made, (4,))


def test_a_module_in_two_places_contains_itself_in_none() -> None:
    twice = nn.Linear(4, 4)
    network = archscope.trace(nn.Sequential(twice, nn.Sequential(nn.ReLU(), twice)), (4,))
    assert archscope.analyze(network).totals.parameters == 20


def test_lists_of_its_own_are_no_mistake() -> None:
    made = _with("named_parameters", lambda self, *_, **__: [("layer.weight", self.layer.weight)])
    archscope.trace(made, (4,))


def test_what_archscope_raises_beneath_a_module_is_its_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from archscope.tracing import calling

    def broken(*_: Any) -> None:
        raise ValueError("a fault of archscope's")

    broken.__code__ = broken.__code__.replace(co_filename=archscope.__file__)  # whose code it is, its file says
    monkeypatch.setattr(calling, "checked", broken)
    with pytest.raises(ValueError, match="a fault of archscope's"):
        archscope.trace(Sound(), (4,))


def test_a_package_that_is_called_like_one_is_not_it() -> None:
    from archscope import theirs

    beside = str(Path(torch.__file__).parent) + "vision/models/resnet.py"
    assert theirs._whose(beside) == "installed"
    assert theirs._whose(str(Path(archscope.__file__).parent) + "_models/net.py") in ("own", "installed")


def test_a_fault_that_came_through_no_code_of_theirs_names_none() -> None:
    try:
        archscope.read("layers: {")
    except archscope.ArchscopeError as error:
        caught = error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None)
    assert method_of_theirs(caught) == ""
    assert place_of(caught) == ""
