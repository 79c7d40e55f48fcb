"""An exported program as the witness of what was read of it: it runs itself, operation by operation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope.opening import opened, request_for
from archscope.oracles import Verification, verify
from archscope.oracles.findings import Verdict
from archscope.oracles.verification import asked_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Net(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.head, self.tied = nn.Linear(4, units), nn.Linear(4, units)
        self.tied.weight = self.head.weight

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([torch.relu(self.norm(self.conv(x))), x], 1)[:, :4]
        x = torch.nn.functional.avg_pool2d(x, 8).flatten(1)
        return self.head(x) + self.tied(x)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three programs in a folder: with one sample, with any number of them, and with other units."""
    folder = tmp_path_factory.mktemp("programs")
    for name, units, samples, axes in (
        ("one", 5, 1, None), ("any", 5, 2, ({0: torch.export.Dim("batch")},)), ("other", 6, 1, None),
    ):  # fmt: skip
        given = (torch.zeros(samples, 3, 8, 8),)
        torch.export.save(torch.export.export(Net(units).eval(), given, dynamic_shapes=axes), folder / f"{name}.pt2")
    return folder


def asked(path: Path, *witnesses: str, batch: int | None = None, of: Path | None = None) -> Verification:
    network, module = opened(request_for(str(path), batch=batch))
    assert "program" in asked_of(network, module=module)
    return verify(network if of is None else network.replace(path=str(of)), witnesses, module=module)


@pytest.mark.parametrize(("name", "batch"), [("one", None), ("any", 3)])
def test_the_program_says_what_the_table_says(name: str, batch: int | None, saved: Path) -> None:
    found = asked(saved / f"{name}.pt2", "program", batch=batch)
    assert found.differing == ()
    agreed = {(each.node or each.layer, each.quantity): each.ours for each in found.of(Verdict.AGREES)}
    # 3·3·3·4 + 4, then 2 · 4 with as many statistics, then 4·5 + 5 and the 5 biases of what is tied.
    assert agreed[None, "parameters"] == 112 + 8 + 25 + 5
    assert agreed[None, "fixed"] == 8
    assert agreed["conv", "parameters"] == 112
    assert agreed["conv", "output"] == (4, 8, 8)
    assert agreed["concat", "output"] == (7, 8, 8)
    assert agreed["avg_pool2d", "output"] == (4, 1, 1)
    assert agreed["tied", "output"] == (5,)


def test_another_program_differs(saved: Path) -> None:
    found = asked(saved / "one.pt2", "program", of=saved / "other.pt2")
    assert [each.sentence for each in found.differing] == [
        "head: output is 5; program counts 6",
        "tied: output is 5; program counts 6",
        "add: output is 5; program counts 6",
        "head: parameters is 25; program counts 30",
        "tied: parameters is 5; program counts 6",
        "total: parameters is 150; program counts 156",
    ]


def test_what_one_module_of_a_program_runs_alone_is_looked_at_as_a_module(saved: Path) -> None:
    found = asked(saved / "one.pt2", "module", "Jacobian", "field")
    assert found.differing == ()
    agreed: dict[str, set[Any]] = {}
    for each in found.of(Verdict.AGREES):
        agreed.setdefault(f"{each.witness} {each.quantity}", set()).add(each.layer)
    assert agreed["module output"] == {"conv", "norm", "head", "tied"}
    assert agreed["Jacobian connections_in_bounds"] == {"conv", "head"}
    assert agreed["Jacobian connections"] == {"head"}
    assert agreed["field receptive_field"] == {"conv", "norm"}


class Merged(nn.Module):
    """Scores of every token of every sample, which add up to one, as a router of experts has them."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.gate(x.reshape(-1, 8))
        return scores / scores.sum(-1, keepdim=True)


def test_positions_that_are_one_axis_with_the_samples_are_no_axis_of_samples(tmp_path: Path) -> None:
    torch.export.save(torch.export.export(Merged().eval(), (torch.zeros(1, 6, 8),)), tmp_path / "merged.pt2")
    found = asked(tmp_path / "merged.pt2", "program")
    assert found.differing == ()
    assert (6, 1) in [each.ours for each in found.of(Verdict.AGREES)]


def test_of_another_network_nothing_is_asked() -> None:
    network, module = opened(request_for("lenet5"))
    assert "program" not in asked_of(network, module=module)
    (only,) = verify(network, ["program"]).findings
    assert only.why == "it runs exported programs in files, and this network is none"


def test_a_program_that_does_not_run_is_not_covered(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("no kernel\nfor that")

    monkeypatch.setattr("archscope.oracles.program._made", fails)
    found = asked(saved / "one.pt2", "program")
    assert [each.why for each in found.of(Verdict.NOT_COVERED)] == ["it does not run: no kernel"]
    assert {each.quantity for each in found.of(Verdict.AGREES)} == {"parameters", "fixed"}
