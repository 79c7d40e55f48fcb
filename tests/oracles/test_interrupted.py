"""An interrupt while a person's own module runs: what is known so far is kept, whichever tool runs it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from torch import Tensor, nn

from archscope.oracles import Verdict, verify
from archscope.oracles.report import write_matrix
from archscope.tracing.calling import call_thing

ORDER = ("module", "torchinfo", "fvcore", "FLOPs", "Jacobian", "field", "memory")


class Long(nn.Module):
    """Somebody presses Ctrl-C while it runs for one of the witnesses."""

    asking: ClassVar[str] = ""
    at: ClassVar[str] = "nobody"

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        if Long.asking == Long.at:
            raise KeyboardInterrupt
        return self.out(self.conv(x).relu())


def asking(_: str, witness: str, layer: str) -> None:
    Long.asking = witness
    if (witness, Long.at, layer) == ("Jacobian", "Jacobian", "out"):  # it runs layers by themselves
        raise KeyboardInterrupt


@pytest.mark.parametrize("witness", ORDER)
def test_an_interrupt_while_a_module_runs_keeps_what_is_known(witness: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = call_thing(Long(), ((3, 8, 8),), {})
    monkeypatch.setattr(Long, "at", witness)
    monkeypatch.setattr(Long, "asking", "")
    found = verify(called.network, ORDER, module=called, progress=asking)
    assert found.stopped.split()[0] == witness
    before = ORDER[: ORDER.index(witness)]
    assert {each.witness for each in found.findings} - {witness} == set(before)
    assert not found.of(Verdict.DIFFERS)
    assert f"Stopped in {found.stopped}; the rest was not asked." in " ".join(write_matrix([found]).split())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in called.module.modules())


def test_the_command_leaves_with_130_and_prints_what_the_module_is_known_for(
    archscope_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archscope.oracles.own import flops

    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(flops, "observe", interrupted)
    run = archscope_run("verify", "tests.oracles.test_interrupted:Long@3,8,8", "-w", "module", "-w", "FLOPs")
    assert run.status == 130
    assert "Traceback" not in run.out + run.err
    assert "Stopped in FLOPs; the rest was not asked." in " ".join(run.out.split())
    assert "agrees" in run.out
