"""A program exported on meta, all of whose tensors PyTorch writes as one memory: they are as many as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
import archscope.opening
from archscope.oracles import verify
from archscope.oracles.findings import Verdict
from tests.conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def normed() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))


class Tied(nn.Module):
    """Three layers of one form, of which two have one matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.c(self.b(self.a(x)))
        return made


class Tokens(nn.Module):
    """A language model whose head is its table, and a layer that nothing reads."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head, self.spare = nn.Embedding(9, 6), nn.Linear(6, 9, bias=False), nn.Linear(6, 9, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(self.table(x))
        return made


IMAGE, ROW, WORDS = torch.zeros(1, 3, 8, 8), torch.zeros(1, 6), torch.zeros(1, 5, dtype=torch.long)
CASES: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    "norms": (normed, IMAGE), "tied": (Tied, ROW), "tokens": (Tokens, WORDS),
}  # fmt: skip


def exported(name: str, device: str) -> Any:
    make, given = CASES[name]
    with torch.device(device):
        return torch.export.export(make().eval(), (given.to(device),))


def said(network: archscope.Network) -> list[Any]:
    found = archscope.analyze(network)
    rows = [(row.name, row.label, row.output, row.parameters, row.fixed, row.connections, row.macs, row.shares)
            for row in found.rows]  # fmt: skip
    assert network.observed is not None
    return [*rows, found.totals, network.observed.held]


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_a_program_on_meta_has_the_rows_of_one_on_the_cpu(name: str, tmp_path: Path) -> None:
    read = []
    for device in ("cpu", "meta"):
        torch.export.save(exported(name, device), tmp_path / "net.pt2")
        read.append(archscope.opening.open_network(tmp_path / "net.pt2"))
    assert said(read[1]) == said(read[0])
    notes = [" ".join(each.observed.origin) for each in read if each.observed is not None]
    assert ["on meta" in each for each in notes] == [False, True]


@pytest.mark.parametrize("name", CASES)
def test_a_program_on_meta_that_was_loaded_is_read_as_one_that_was_not(name: str, tmp_path: Path) -> None:
    program = exported(name, "meta")
    torch.export.save(program, tmp_path / "net.pt2")
    loaded = torch.export.load(tmp_path / "net.pt2")
    before = {key: (id(each), each.untyped_storage()._cdata) for key, each in loaded.state_dict.items()}
    assert said(archscope.trace(loaded)) == said(archscope.trace(program))
    assert {key: (id(each), each.untyped_storage()._cdata) for key, each in loaded.state_dict.items()} == before


def test_verify_says_that_such_a_file_does_not_tell_which_tensors_are_one(
    tmp_path: Path, archscope_run: Callable[..., Run]
) -> None:
    torch.export.save(exported("tied", "meta"), tmp_path / "net.pt2")
    run = archscope_run("verify", str(tmp_path / "net.pt2"), "--witness", "program")
    assert (run.status, run.err) == (0, "")
    assert "its tensors are on meta" in run.out


@pytest.mark.parametrize("name", CASES)
def test_a_program_on_meta_is_run_for_its_shapes(name: str, tmp_path: Path) -> None:
    torch.export.save(exported(name, "meta"), tmp_path / "net.pt2")
    network, module = archscope.opening.opened(archscope.opening.request_for(str(tmp_path / "net.pt2")))
    found = verify(network, ["program"], module=module)
    assert [each.sentence for each in found.differing] == []
    outputs = [each for each in found.findings if each.quantity == "output"]
    assert {each.verdict for each in outputs} == {Verdict.AGREES}
    assert len(outputs) == {"norms": 5, "tied": 3, "tokens": 2}[name]
