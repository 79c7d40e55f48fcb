"""What PyTorch goes through one step after another is refused where nobody waits for its end."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.cli import main
from archscope.errors import UsageError
from archscope.limits import MOST_STEPS


class _Around(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Any:
        return self.part(x, x) if isinstance(self.part, nn.Bilinear) else self.part(x)


class _Packed(_Around):
    def forward(self, x: Tensor) -> Any:
        lengths = torch.full((x.shape[0],), x.shape[1])
        return self.part(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[0].data


STEPS = MOST_STEPS + 1


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize(("options", "steps"), [
    ({"batch_first": True}, STEPS), ({"batch_first": True, "num_layers": 2}, STEPS // 2 + 1),
    ({"batch_first": True, "bidirectional": True}, STEPS // 2 + 1),
])  # fmt: skip
def test_a_recurrence_without_end_says_how_long_it_is(kind: Any, options: dict[str, Any], steps: int) -> None:
    with pytest.raises(UsageError, match=r"`part` is a recurrence that goes through 20,00[0-9] steps of its layers"):
        trace(_Around(kind(4, 4, **options)), (steps, 4))


def test_steps_first_and_packed_steps_are_counted_too() -> None:
    with pytest.raises(UsageError, match="20,001 steps"):
        trace(_Around(nn.GRU(4, 4)), torch.zeros(STEPS, 1, 4, device="meta"))
    with pytest.raises(UsageError, match="20,001 steps"):
        trace(_Packed(nn.GRU(4, 4)), torch.zeros(1, STEPS, 4))
    with pytest.raises(UsageError, match="20,002 steps"):
        trace(_Packed(nn.LSTM(4, 4, bidirectional=True)), torch.zeros(1, STEPS // 2 + 1, 4))


def test_a_batch_is_no_number_of_steps() -> None:
    found = analyze(trace(_Around(nn.GRU(4, 4, batch_first=True)), torch.zeros(STEPS, 2, 4, device="meta")))
    assert found.totals.macs == STEPS * 2 * 2 * 12 * 4


def test_outputs_of_a_bilinear_layer_without_end_say_how_many_they_are() -> None:
    with torch.device("meta"):
        module = _Around(nn.Bilinear(4, 4, 10**11))
    with pytest.raises(UsageError, match="`part` is a bilinear layer of 100,000,000,000 outputs, which PyTorch goes"):
        trace(module, (4,))
    assert analyze(trace(_Around(nn.Bilinear(4, 4, 20)), (4,))).totals.parameters == 340


class Recurrent(_Around):
    def __init__(self) -> None:
        super().__init__(nn.LSTM(4, 4, num_layers=2, batch_first=True))


def test_a_long_recurrence_is_noted_once_before_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archscope.tracing.stepwise.LONG_STEPS", 19)
    assert main(["table", f"{__name__}:Recurrent@10,4"]) == 0
    noted = [each for each in capsys.readouterr().err.splitlines() if each.startswith("note: ")]
    assert len(noted) == 1
    assert noted[0].startswith(
        "note: `part` is a recurrence that goes through 20 steps of its layers one after another"
    )
    assert main(["table", f"{__name__}:Recurrent@9,4"]) == 0
    assert capsys.readouterr().err == ""
    trace(Recurrent(), (10, 4))  # a program is told nothing
    assert capsys.readouterr().err == ""
