"""What is said of a module's memory is held to PyTorch's tracker whenever it is asked, and what differs is named."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from archscope import limits  # noqa: E402
from archscope.cli import main, tracked  # noqa: E402
from archscope.memory import Differing, Request, Tracked, differing, memory  # noqa: E402
from archscope.oracles import Verdict, verify  # noqa: E402
from archscope.oracles.own import held  # noqa: E402
from archscope.tracing.calling import call_thing  # noqa: E402
from tests.memory.modules import MODULES  # noqa: E402

NETS = """
import torch
from torch import nn

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 6)
        self.b = nn.Linear(6, 2)

    def forward(self, x):
        print("here I am")
        return self.b(torch.relu(self.a(x)))

class Stops(Plain):
    def forward(self, x):
        if not torch.is_grad_enabled():
            return super().forward(x)
        raise ValueError("no training today")
"""


class Two(nn.Module):
    """A layer, and what its result goes through."""

    def __init__(self, twice: bool = False) -> None:
        super().__init__()
        self.a = nn.Linear(8, 6)
        self.twice = twice

    def forward(self, x: Any) -> Any:
        made = torch.tanh(self.a(x))
        return torch.sin(made * 2) if self.twice else made


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "held_nets.py").write_text(NETS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "held_nets"


@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
def test_it_counts_the_same_of_the_same_module(optimizer: str | None) -> None:
    called = call_thing(Two(), [(8,)], {})
    said = memory(called.network, 3, optimizer=optimizer)
    found = tracked.hold(called, said.request)
    assert (found.differing, found.why) == ((), "")
    assert {phase.name: phase.after.total for phase in said.phases} == {
        name: after for name, (after, _) in found.counted.items()
    }


@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_what_runs_and_was_not_read_is_named(optimizer: str | None) -> None:
    called = dataclasses.replace(call_thing(Two(), [(8,)], {}), module=Two(twice=True))
    said = memory(called.network, 3, optimizer=optimizer)
    found = {(each.part, each.moment): each for each in tracked.hold(called, said.request).differing}
    # What tanh made, the argument of the sine and its result are there at once, and two of them were read.
    forward, values = found["forward", "most"], 3 * 6 * 4
    assert forward.said == said["forward"].most.total
    assert forward.counted - forward.said == values
    after = found.get(("forward", "after"))
    # In training all three stay, and one was read; in inference one stays, and one was read.
    assert (0 if after is None else after.counted - after.said) == (0 if optimizer is None else 2 * values)


def test_at_least_may_be_less_and_never_more() -> None:
    called = dataclasses.replace(call_thing(Two(), [(8,)], {}), module=Two(twice=True))
    counted, least = tracked.hold(called, memory(called.network, 3).request).counted, {"a": "no rule"}
    assert differing(memory(called.network, 3), counted)
    assert not differing(memory(called.network, 3).replace(not_covered=least), counted)
    more = memory(call_thing(Two(twice=True), [(8,)], {}).network, 3).replace(not_covered=least)
    counted = tracked.hold(call_thing(Two(), [(8,)], {}), more.request).counted
    assert [each.part for each in differing(more, counted)] == ["forward"]


def test_what_autocast_and_a_loss_make_of_it_is_counted_too() -> None:
    called = call_thing(Two(), [(8,)], {})
    for request in ({"autocast": "bfloat16"}, {"loss": "mse_loss"}, {"foreach": True}):
        found = tracked.hold(called, Request(batch=2, optimizer="adam", **request))
        assert found.counted
        assert not found.differing


@pytest.mark.parametrize(
    "asked", [{}, {"autocast": "bfloat16"}, {"autocast": "float16"}, {"dtype": "float64"}], ids=str
)
def test_noise_like_a_value_is_in_its_type(asked: dict[str, str]) -> None:
    class Noisy(nn.Module):
        """Adds as much noise as a layer says, as a variational autoencoder does."""

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(20, 8), nn.Linear(20, 8), nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            much = self.b(x)
            return self.c(self.a(x) + torch.exp(0.5 * much) * torch.randn_like(much))

    called = call_thing(Noisy(), [(20,)], {})
    said = memory(called.network, 3, optimizer="sgd", **asked)
    found = tracked.hold(called, said.request)
    assert (dict(said.not_covered), found.differing, found.why) == ({}, (), "")


def test_another_type_and_parts_that_run_again_are_asked_too(nets: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["memory", f"{nets}:Plain@8", "--optimizer", "sgd"]
    asked = [[], ["--dtype", "bf16"], ["--checkpoint", "a"], ["--dtype", "float64", "--checkpoint", "a"]]
    after = []
    for more in asked:
        assert main([*arguments, *more, "--format", "json"]) == 0
        theirs = json.loads(capsys.readouterr().out)["tracked"]
        assert (theirs["differing"], theirs["why"]) == ([], "")
        after.append(theirs["counted"]["after build"]["after"])
        assert main([*arguments, *more]) == 0
        assert "the same bytes of the module itself. " in " ".join(capsys.readouterr().out.split())
    weights, given = 4 * (9 * 6 + 7 * 2), 4 * 8
    assert after == [scale * (weights + given) for scale in (1, 0.5, 1, 2)]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("request_", [{"dtype": "float16"}, {"dtype": "float64", "optimizer": "adam"}], ids=str)
def test_in_another_type_it_counts_the_same(name: str, request_: dict[str, str]) -> None:
    make, shape = MODULES[name]
    called = call_thing(make(), [shape], {})
    found = tracked.hold(called, memory(called.network, 2, **request_).request)
    assert (found.differing, found.why) == ((), "")


@pytest.mark.parametrize("name", ["ResNet", "Decoder", "Mixer", "Encoder"])
def test_where_parts_run_again_it_counts_the_same(name: str) -> None:
    make, shape = MODULES[name]
    called = call_thing(make(), [shape], {})
    parts = [path for path, part in called.module.named_children() if path != "spare"]
    plain = tracked.hold(called, memory(called.network, 2, optimizer="sgd").request)
    inside = [path for path, _ in called.module.named_modules() if path.count(".") == 1]
    for again in (*([path] for path in parts), [*parts, *inside]):
        found = tracked.hold(called, memory(called.network, 2, optimizer="sgd", checkpoint=again).request)
        assert (found.differing, found.why) == ((), "")
    assert found.counted != plain.counted


def test_a_list_of_blocks_is_each_of_them() -> None:
    make, shape = MODULES["Decoder"]
    called = call_thing(make(), [shape], {})
    each = [f"blocks.{number}" for number in range(len(called.module.blocks))]
    whole, single = (
        memory(called.network, 2, optimizer="sgd", checkpoint=names).phases for names in (["blocks"], each)
    )
    assert whole == single
    assert whole != memory(called.network, 2, optimizer="sgd").phases


def test_what_pytorch_does_not_run_again_is_said() -> None:
    called = call_thing(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.ReLU(inplace=True)), [(4,)], {})
    found = tracked.hold(called, memory(called.network, optimizer="sgd", checkpoint=["2"]).request)
    assert "modified by an inplace operation" in found.why


def test_parts_of_an_exported_program_run_again() -> None:
    inner = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh())
    called = call_thing(torch.export.export(nn.Sequential(inner, nn.Linear(4, 4)), (torch.zeros(1, 4),)), [], {})
    plain, again = (
        tracked.hold(called, memory(called.network, optimizer="sgd", checkpoint=names).request) for names in ([], ["0"])
    )
    assert (again.differing, again.why) == ((), "")
    assert again.counted != plain.counted


def test_code_that_does_something_else_without_values_is_asked_with_them() -> None:
    from torch._subclasses.fake_tensor import FakeTensor

    class Unsure(Two):
        """What has no values is worked on once more."""

        def forward(self, x: Any) -> Any:
            made = super().forward(x)
            return torch.sin(made * 2) if isinstance(x, FakeTensor) else made

    called = call_thing(Unsure(), [(8,)], {})
    found = tracked.hold(called, Request(batch=3))
    assert (found.differing, found.why) == ((), "")
    assert found.counted == tracked.hold(call_thing(Two(), [(8,)], {}), Request(batch=3)).counted


def test_code_that_does_not_run_without_values_is_asked_with_them() -> None:
    class Masked(nn.Module):
        """The last half of PyTorch's Transformer, which looks at its mask to see whether it hides what is later."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), 1)

        def forward(self, x: Any) -> Any:
            return self.layer(x, x, tgt_mask=nn.Transformer.generate_square_subsequent_mask(x.shape[1]))

    called = call_thing(Masked(), [(5, 8)], {})
    for optimizer in (None, "adam"):
        found = tracked.hold(called, Request(batch=2, optimizer=optimizer))
        assert (found.differing, found.why) == ((), "")
        assert found.counted
    verified = verify(called.network, ["memory"], module=called)
    told = [each for each in verified.findings if "bytes" in each.quantity]
    assert told
    assert all(each.verdict is Verdict.AGREES for each in told)


def test_a_large_module_that_does_not_run_without_values_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Looks(Two):
        def forward(self, x: Any) -> Any:
            return super().forward(x) if bool((x == x).all()) else x

    called = call_thing(Looks(), [(8,)], {})
    assert tracked.hold(called, Request()).why == ""
    monkeypatch.setattr(held, "SMALL", 0)
    assert tracked.hold(called, Request()).why.startswith("the module does not run before it: ")


def test_code_that_exits_before_it_is_a_reason_and_prints_beside_the_results(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Exits(Two):
        """Ends everything where gradients are wanted."""

        def forward(self, x: Any) -> Any:
            if torch.is_grad_enabled():
                print("leaving")
                sys.exit(3)
            return super().forward(x)

    found = tracked.hold(call_thing(Exits(), [(8,)], {}), Request(optimizer="sgd"))
    assert found.why == "the module does not run before it: 3"
    shown = capsys.readouterr()
    assert ("leaving" in shown.out, "leaving" in shown.err) == (False, True)


def test_more_than_is_looked_at_says_who_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    called = call_thing(Two(), [(8,)], {})
    monkeypatch.setattr(limits, "MOST_TRACKED", 2)
    found = tracked.hold(called, Request(optimizer="sgd"))
    assert found.why == "more than 2 operations run; `archscope verify --witness memory` asks it"


def test_what_does_not_run_before_it_says_why(nets: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", f"{nets}:Stops@8", "--optimizer", "sgd"]) == 2
    shown = capsys.readouterr()
    said = "tracker was not asked: the module does not run before it: no training today."
    assert said in " ".join(shown.out.split())
    assert "here I am" not in shown.out  # what it prints is no result


def test_programs_read_both_and_what_differs_is_a_finding(
    nets: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["memory", f"{nets}:Plain@8", "--format", "json"]
    assert main(arguments) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["tracked"]["differing"] == []
    assert {phase["name"]: sum(phase["after"].values()) for phase in read["phases"]} == {
        name: each["after"] for name, each in read["tracked"]["counted"].items()
    }
    other = Tracked({"forward": (9, 9)}, (Differing("forward", "most", 7, 9),) * 6)
    monkeypatch.setattr(tracked, "hold", lambda *_: other)
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["tracked"]["differing"][0] == {
        "part": "forward", "moment": "most", "said": 7, "counted": 9
    }  # fmt: skip
    assert "Plain: Do not rely on these numbers" in shown.err
    assert "9 at most in forward for 7 and 1 more." in shown.err


def test_the_largest_batch_that_fits_is_held_too(
    nets: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    hold = tracked.hold

    def noted(theirs: Any, said: Any) -> Tracked:
        asked.append(said.batch)
        found = hold(theirs, said)
        return found.replace(differing=(Differing("forward", "most", 7, 9),)) if said.batch > 1 else found

    monkeypatch.setattr(tracked, "hold", noted)
    assert main(["memory", f"{nets}:Plain@8", "--fits", "1KiB"]) == 1
    # 272 bytes of weights, and 32, 24 and 24 of one sample where most is held.
    assert asked == [1, (1024 - 272) // (32 + 24 + 24)]
    shown = " ".join(capsys.readouterr().out.split())
    assert "other bytes of the module itself of 9 samples: 9 at most in forward for 7." in shown
    assert "A batch of 9 fits" in shown


def test_at_least_that_is_above_the_truth_is_told_beside_what_is_not_covered(
    nets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked, "hold", lambda *_: Tracked({}, (Differing("forward", "most", 9, 7),)))
    picture = str(tmp_path / "held.svg")
    assert main(["memory", f"{nets}:Stops@8", "--optimizer", "sgd", "--output", picture]) == 2
    said = capsys.readouterr().err
    assert "Do not rely on these numbers" in said
    assert "error: Stops: not covered" in said


def test_a_spec_has_no_module_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5"]) == 0
    assert "tracker" not in capsys.readouterr().out


def test_the_module_is_left_as_it_was() -> None:
    module = Two().eval()
    module.register_buffer("seen", torch.zeros(3))
    before = {name: each.clone() for name, each in module.state_dict().items()}
    called = call_thing(module, [(8,)], {})
    random = torch.get_rng_state()
    tracked.hold(called, Request(batch=2, optimizer="adam"))
    assert torch.equal(random, torch.get_rng_state())
    assert not module.training
    assert all(each.grad is None for each in module.parameters())
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())
    assert not module._forward_hooks
    assert not module._forward_pre_hooks
