"""Files of PyTorch's are told by what is in them, and nothing in them is unpickled."""

from __future__ import annotations

import os
import pickle
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
import archscope.opening
from archscope.formats import write
from archscope.tracing.archives import read_program
from tests.conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)) + x)


class Exported(nn.Module):
    """Parameters: (9·3 + 1)·4 + 9·4·4 + 8 + 10·6 + (4 + 6 + 1)·2 = 346."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block, self.embed, self.head = (
            nn.Conv2d(3, 4, 3),
            Block(),
            nn.Embedding(10, 6),
            nn.Linear(10, 2),
        )

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        return self.head(torch.cat([self.block(self.stem(x)).mean((2, 3)), self.embed(ids).mean(1)], 1))


@pytest.fixture(scope="module")
def program() -> Any:
    inputs = (torch.zeros(1, 3, 8, 8), torch.zeros(1, 5, dtype=torch.long))
    return torch.export.export(Exported().eval(), inputs)


@pytest.fixture(scope="module")
def saved(program: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    torch.export.save(program, path)
    return path


def numbers(network: archscope.Network) -> tuple[Any, ...]:
    totals = archscope.analyze(network).totals
    return totals.parameters, totals.macs, dict(network.inputs), network.title


MACS = 27 * 4 * 36 + 36 * 4 * 36 + 20


def test_a_program_is_read_with_the_inputs_it_was_exported_with(program: Any) -> None:
    assert numbers(archscope.trace(program)) == (346, MACS, {"x": (3, 8, 8), "ids": (5,)}, "Exported")
    names = [node.name for node in archscope.trace(program).nodes]
    assert {"stem", "block.conv", "block.norm", "embed", "head"} <= {*names}


def test_a_program_has_the_rows_of_its_module(program: Any) -> None:
    """Names too: what a module of PyTorch's own does is called like the module, in a program as in the module."""
    module = archscope.trace(Exported().eval(), (3, 8, 8), torch.zeros(1, 5, dtype=torch.long))
    ours, theirs = (write(archscope.analyze(each), "csv") for each in (archscope.trace(program), module))
    assert ours == theirs


class Recurrent(nn.Module):
    """Reads the last output and the last states, of a layer that is given the first ones or not."""

    def __init__(self, kind: Any, *, given: bool, **options: Any) -> None:
        super().__init__()
        self.rnn, self.head, self.given = kind(8, 6, **options), nn.Linear(6, 3), given

    def forward(self, x: Tensor, start: Tensor) -> Tensor:
        begun = (start, start) if isinstance(self.rnn, nn.LSTM) else start
        made, last = self.rnn(x, begun) if self.given else self.rnn(x)
        return self.head(made[:, -1] + (last[0] if isinstance(last, tuple) else last)[-1]) + start.sum()


@pytest.mark.parametrize(
    ("kind", "given", "options"),
    [
        (nn.LSTM, False, {"num_layers": 2, "dropout": 0.5}),
        (nn.LSTM, True, {}),
        (nn.GRU, False, {"bias": False}),
        (nn.RNN, True, {"nonlinearity": "relu"}),
    ],
)
def test_a_recurrent_layer_of_a_program_is_the_layer_that_it_was(
    kind: Any, given: bool, options: dict[str, Any]
) -> None:
    """A program has one operation with all weights there, whose states were given the axes of one sample."""
    from archscope.tracing.unwrapped import unwrapped

    module = Recurrent(kind, given=given, batch_first=True, **options).eval()
    inputs = torch.randn(1, 5, 8), torch.randn(options.get("num_layers", 1), 1, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of how its recurrent modules keep their weights
        program = torch.export.export(module, inputs)
    ours, theirs = (write(archscope.analyze(archscope.trace(each, *inputs)), "csv") for each in (program, module))
    assert ours == theirs
    with torch.no_grad():
        assert torch.equal(unwrapped(program)(*inputs), module(*inputs))


def test_a_program_gives_the_outputs_of_its_module(program: Any) -> None:
    from archscope.tracing.unwrapped import unwrapped

    given = torch.randn(1, 3, 8, 8), torch.randint(0, 10, (1, 5))
    with torch.no_grad():
        assert torch.allclose(unwrapped(program)(*given), program.module()(*given), atol=1e-6)


def test_a_file_is_read_by_what_is_in_it_whatever_it_is_called(
    saved: Path, tmp_path: Path, archscope_run: Callable[..., Run]
) -> None:
    other = tmp_path / "mine.bin"
    other.write_bytes(saved.read_bytes())
    for path in (saved, other):
        assert numbers(archscope.opening.open_network(path))[:2] == (346, MACS)
    run = archscope_run("table", str(other))
    assert run.status == 0, run.err
    assert "Exported: input" in run.out or "Exported: x 3×8×8" in run.out


def test_a_program_called_with_a_batch_is_one_forward_pass_of_it_in_every_form(tmp_path: Path) -> None:
    """Seven samples multiply seven times as much and hold no more; the module itself says the same."""
    batch, inputs = torch.export.Dim("batch", min=2), (torch.zeros(2, 3, 8, 8), torch.zeros(2, 5, dtype=torch.long))
    module = Exported().eval()
    program = torch.export.export(module, inputs, dynamic_shapes=({0: batch}, {0: batch}))
    torch.export.save(program, tmp_path / "net.pt2")
    given = torch.zeros(7, 3, 8, 8), torch.zeros(7, 5, dtype=torch.long)
    for form in (module, program, torch.export.unflatten(program), program.module()):
        network = archscope.trace(form, *given)
        assert numbers(network)[:2] == (346, 7 * MACS)
        assert network.observed is not None
        assert network.observed.batch == 7
    shapes = ["x=3,8,8", "ids=5:int64"]
    assert numbers(archscope.opening.open_network(tmp_path / "net.pt2", input=shapes, batch=7))[:2] == (346, 7 * MACS)


def test_a_program_that_is_run_says_what_each_layer_makes(saved: Path) -> None:
    """Layers are called like their modules, and are held to the operations of their types all the same."""
    from archscope.opening import opened
    from archscope.oracles import verify
    from archscope.requests import request_for

    network, module = opened(request_for(str(saved)))
    found = verify(network, ["program"], module=module)
    said = {(each.layer, each.verdict.value) for each in found.findings if each.quantity == "output"}
    assert {(row, "agrees") for row in ("stem", "block.conv", "block.norm", "embed", "head")} <= said


def test_a_program_is_verified_and_measured(saved: Path, archscope_run: Callable[..., Run]) -> None:
    run = archscope_run("verify", str(saved), "--witness", "FLOPs", "--witness", "module")
    assert (run.status, run.err) == (0, "")
    run = archscope_run("bench", str(saved), "--device", "cpu", "--quick", "--seconds", "0.02")
    assert run.status == 0, run.out + run.err


class Runs:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def rewritten(source: Path, made: Path, change: Callable[[str, bytes], bytes]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(made, "w") as new:
        for each in old.infolist():
            new.writestr(each.filename, change(each.filename.partition("/")[2], old.read(each)))
    return made


def test_nothing_that_is_pickled_in_an_archive_runs(saved: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    bomb = pickle.dumps(Runs(str(trap)))
    planted = rewritten(saved, tmp_path / "a.pt2", lambda name, body: bomb if "sample_inputs" in name else body)
    assert numbers(archscope.opening.open_network(planted))[:2] == (346, MACS)
    marked = rewritten(
        saved, tmp_path / "b.pt2",
        lambda name, body: body.replace(b'"use_pickle": false', b'"use_pickle": true') if name.endswith("config.json")
        else bomb if name.startswith("data/weights/weight_") else body,
    )  # fmt: skip
    with pytest.raises(archscope.UsageError, match="as a pickle, and unpickling runs whatever code is in it"):
        archscope.opening.open_network(marked)
    for name, content in (("c.pt", bomb), ("d.pt2", bomb)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(archscope.UsageError, match="is a pickle, and unpickling runs whatever code is in it"):
            archscope.opening.open_network(tmp_path / name)
    assert not trap.exists()


def test_what_is_no_exported_program_says_what_it_is_and_what_to_do(
    tmp_path: Path, archscope_run: Callable[..., Run]
) -> None:
    torch.save(nn.Linear(3, 2), tmp_path / "module.pt")
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "weights.pt")
    torch.jit.trace(nn.Linear(3, 2), torch.zeros(1, 3)).save(tmp_path / "scripted.pt")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("folder/readme", "nothing")
    (tmp_path / "broken.pt2").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "empty.pt2").write_bytes(b"")
    (tmp_path / "beheaded.pt2").write_bytes(b"\xc3 and the end of what was written")
    whole = (tmp_path / "weights.pt").read_bytes()
    (tmp_path / "first.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "beheaded.keras").write_bytes(b"\xc3 and the end of what was written")
    for name, message in (
        ("module.pt", "is a pickle, and unpickling runs whatever code is in it; write a function that loads it"),
        ("weights.pt", "is a pickle, and unpickling runs whatever code is in it; write a function that loads it"),
        ("scripted.pt", "is a scripted module, which shows none of its layers; read the module it was made from"),
        ("other.zip", "is a zip file, and holds no exported program; `torch.export.save` writes what can be read"),
        *((name, "is no whole zip file") for name in ("broken.pt2", "empty.pt2", "beheaded.pt2", "first.pt")),
        ("beheaded.keras", "is no whole Keras model"),
    ):
        run = archscope_run("table", str(tmp_path / name))
        assert (run.status, run.out) == (2, "")
        assert message in run.err
        assert len(run.err.splitlines()) == 1


def test_a_graph_module_is_read_as_it_is() -> None:
    plain, graph = Block(), torch.fx.symbolic_trace(Block())
    ours, theirs = (archscope.analyze(archscope.trace(each, (4, 6, 6))) for each in (graph, plain))
    assert [row.name for row in ours.rows] == [row.name for row in theirs.rows]
    assert ours.totals.macs == theirs.totals.macs == 36 * 4 * 36


def test_the_module_of_a_program_is_read_verified_and_left_as_it_was() -> None:
    """It refuses to be put into another mode; 16·9·4·4 products and no bias."""
    from archscope.oracles import verify
    from archscope.tracing.calling import call_thing

    module: Any = torch.export.export(Block().eval(), (torch.randn(1, 4, 4, 4),)).module()
    before = [each.training for each in module.modules()]
    called = call_thing(module, ((4, 4, 4),), {})
    found = verify(called.network, ["module", "FLOPs"], module=called)
    assert found.analysis.totals.macs == 16 * 9 * 4 * 4
    assert not found.differing
    assert [each.training for each in module.modules()] == before


def _again(saved: Path, to: Path, name: str, body: bytes, packed: int = zipfile.ZIP_STORED) -> Path:
    """The archive with other bytes in one of its files."""
    with zipfile.ZipFile(saved) as given, zipfile.ZipFile(to, "w", packed) as made:
        for each in given.namelist():
            made.writestr(each, body if each.endswith(name) else given.read(each))
        if not any(each.endswith(name) for each in given.namelist()):
            made.writestr(f"net/{name}", body)
    return to


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 200_000])
def test_a_program_that_is_not_whole_is_one_line(body: bytes, saved: Path, tmp_path: Path, capfd: Any) -> None:
    for name in ("data/weights/model_weights_config.json", "models/model.json"):
        with pytest.raises(
            archscope.UsageError, match=r"does not say how its weights are stored|does not read this"
        ) as told:
            archscope.opening.open_network(_again(saved, tmp_path / "broken.pt2", name, body))
        assert "\n" not in str(told.value)
    assert "Traceback" not in capfd.readouterr().err


class Cut(nn.Module):
    """Parts of axes, and an axis of which all is taken."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(torch.relu(torch.relu(x)[:, 1:3])[:, :, :-1:2])[..., :]


def test_a_part_of_an_axis_is_the_layer_that_it_is_in_the_module() -> None:
    found, wanted = (
        archscope.trace(torch.export.export(Cut(), (torch.zeros(1, 4, 6, 6),))),
        archscope.trace(Cut(), (4, 6, 6)),
    )
    rows = [[(row.label, row.output, row.receptive_field) for row in archscope.analyze(each).rows]
            for each in (found, wanted)]  # fmt: skip
    assert rows[0] == rows[1]
    assert [label for label, *_ in rows[0]] == ["ReLU", "slice 1:3", "slice :-1:2"]


def test_an_operator_that_a_library_brings_is_named(saved: Path, tmp_path: Path) -> None:
    path = rewritten(saved, tmp_path / "net.pt2", lambda _, body: body.replace(b"ops.aten.relu", b"ops.elsewhere.relu"))
    with pytest.raises(archscope.UsageError, match="`elsewhere::relu` is an operator that another library brings when"):
        archscope.opening.open_network(path)


def test_a_program_that_does_not_say_where_an_operation_stood_is_one_line(saved: Path, tmp_path: Path) -> None:
    """PyTorch loads it, and cannot make its modules again."""

    def without_stacks(name: str, body: bytes) -> bytes:
        return body.replace(b'"nn_module_stack"', b'"stack"') if name == "models/model.json" else body

    with pytest.raises(archscope.UsageError, match="does not read this exported program") as told:
        archscope.opening.open_network(rewritten(saved, tmp_path / "net.pt2", without_stacks))
    assert "\n" not in str(told.value)


def test_an_archive_that_unpacks_to_more_than_it_is_is_not_unpacked(saved: Path, tmp_path: Path) -> None:
    path = _again(saved, tmp_path / "bomb.pt2", "data/weights/more", bytes(1 << 26), zipfile.ZIP_DEFLATED)
    with pytest.raises(archscope.UsageError, match=r"unpacks to [\d,]+ bytes, and PyTorch packs nothing"):
        archscope.opening.open_network(path)


def test_a_part_that_says_that_it_is_small_is_not_unpacked_further(saved: Path, tmp_path: Path) -> None:
    size = 1 << 26
    path = _again(saved, tmp_path / "bomb.pt2", "data/weights/more", bytes(size), zipfile.ZIP_DEFLATED)
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        with pytest.raises(archscope.UsageError, match="is no whole zip file"):
            read_program(path)
        assert tracemalloc.get_traced_memory()[1] < size // 4
    finally:
        tracemalloc.stop()


def test_a_program_with_thousands_of_other_parts_is_read(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.pt2"
    with zipfile.ZipFile(saved) as given, zipfile.ZipFile(path, "w") as made:
        for each in given.namelist():
            made.writestr(each, given.read(each))
        for number in range(5000):
            made.writestr(f"net/data/weights/more{number}", b"")
    assert sum(each.numel() for each in read_program(path).parameters()) == 346


def test_a_program_says_where_it_was_read_from(saved: Path) -> None:
    seen = archscope.opening.open_network(saved).observed
    assert seen is not None
    assert seen.origin == ("Read from net.pt2: a program that PyTorch exported.",)


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(12, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x.view(x.shape[0], 12))


def test_a_program_that_asks_for_its_batch_has_the_name_of_its_module(tmp_path: Path) -> None:
    """That length comes of no module, and PyTorch names a word of its own for one."""
    shapes = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(Flat().eval(), (torch.zeros(3, 3, 4),), dynamic_shapes=shapes),
                      path := tmp_path / "net.pt2")  # fmt: skip
    assert archscope.opening.open_network(path).name == "Flat"


def test_axes_of_any_length_are_told_and_stay_open_in_formulas(tmp_path: Path) -> None:
    from torch.export import Dim

    net = nn.Sequential(nn.Embedding(50, 16), nn.Linear(16, 8)).eval()
    shapes = ({0: Dim("batch"), 1: Dim("length")},)
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(net, (torch.zeros(3, 7, dtype=torch.long),), dynamic_shapes=shapes), path)
    network = archscope.opening.open_network(path)
    assert network.observed is not None
    (said,) = network.observed.origin[1:]
    assert said.startswith("These axes may have any length, the batch counted as 0: 0 and 1 of `input`. "
                           "Here 1 sample runs, `input=7:int64`.")  # fmt: skip
    # 16·8 products for each of the positions of each of the samples
    assert str(archscope.analyze(network).symbolic("batch", "length").totals.macs) == "128·batch·length"
    assert archscope.analyze(archscope.opening.open_network(path, input="9", batch=2)).totals.macs == 2 * 9 * 128


def test_an_archive_whose_list_of_parts_is_broken_is_one_line(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    path = tmp_path / "net.pt2"
    path.write_bytes(whole.replace(b"PK\x01\x02", b"PK\x00\x02", 1))  # the head of the first entry of the directory
    with pytest.raises(archscope.UsageError, match="is no whole zip file"):
        archscope.opening.open_network(path)
