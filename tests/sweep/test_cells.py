"""Cells of a benchmark on a Dask cluster: a real scheduler and workers on loopback, of which two declare a fake GPU."""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.bench.compare import read_result
from archscope.bench.fake import FakeDevice
from archscope.bench.plan import Cell, plan
from archscope.bench.run import Job, Refused
from archscope.cli import main
from archscope.errors import UsageError
from archscope.requests import Request
from archscope.sweep import cells as cells_module
from archscope.sweep import cluster as cluster_module
from archscope.sweep.cells import Cells, check_torch
from archscope.sweep.cluster import Cluster, ClusterGone, existing
from tests.bench.results import CEILINGS, figure, measured
from tests.patience import PATIENCE

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default::ResourceWarning", "default::DeprecationWarning")

_counting = threading.Lock()
_now = 0


class FakeMeasuring:
    """Stands for a measuring process; its device is fake, and it writes down how many measure beside it."""

    def __init__(self, folder: Path, tick: Callable[[], None]) -> None:
        self.folder = folder

    def ask(self, request: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        if request["do"] == "hello":
            environment = {"archscope": {"version": "0"}, "torch": {"version": "2.13.0"}, "pid": os.getpid()}
            return {"device": "fake:0", "title": "a fake device", "environment": environment}
        if request["do"] == "operations":
            return {"operations": [[1000, 1000]], "launches": {}}
        spec = json.loads(request["cell"]["model"])["spec"]
        return self.measured(Cell(**{**request["cell"], "model": "lenet5"}), spec)

    def measured(self, cell: Cell, spec: str) -> dict[str, Any]:
        global _now
        deadly = self.folder / "deadly"
        if cell.batch == 3 and deadly.exists():
            deadly.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        with _counting:
            _now += 1
            beside = _now
        time.sleep(0.1)  # whoever could come beside it has time to
        device = FakeDevice(launch=5e-6, gap=1e-6, sync=8e-6)
        device.launch(1e-5 * cell.batch)
        device.synchronize()
        with _counting:
            _now -= 1
        with (self.folder / "seen").open("a") as seen:
            seen.write(f"{os.getpid()} {beside} {spec}\n")
        return measured(cell, device.now(), figures={
            "latency": figure(device.now()), "period": None, "device": None, "host": None,
        })  # fmt: skip

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three processes: one declares a GPU, one declares two, and one none."""
    workers = {
        name: {"cls": distributed.Nanny, "options": {"nthreads": 2, "resources": resources}}
        for name, resources in (("one", {"GPU": 1}), ("two", {"GPU": 2}), ("none", {}))
    }
    scheduler = {"cls": distributed.Scheduler, "options": {"dashboard_address": ":0", "host": "127.0.0.1"}}
    with (
        distributed.SpecCluster(workers=workers, scheduler=scheduler, silence_logs=50) as made,
        distributed.Client(made, set_as_default=False) as client,
    ):
        client.wait_for_workers(3, timeout=PATIENCE)
        yield Cluster(client, str(client.scheduler.address))


def cells_on(cluster: Cluster, folder: Path, batches: tuple[int, ...], made: type[Cells] = Cells, **job: Any) -> Cells:
    job = {"rounds": 1, "ceilings": CEILINGS, **job}
    asked = Job(cells=plan(["lenet5"], batches=batches), analyses={"lenet5": archscope.analyze("lenet5")}, **job)
    return made(asked, {"lenet5": Request("lenet5")}, cluster, start=functools.partial(FakeMeasuring, folder))


def seen(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "seen").read_text().splitlines()]


def test_cells_go_to_workers_with_a_gpu_one_at_a_time_on_each(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    made = cells_on(cluster, tmp_path, (1, 2, 4, 8, 16, 32), output=path)
    made.measure()
    assert {beside for _, beside, _ in seen(tmp_path)} == {"1"}
    workers = cluster.client.scheduler_info(n_workers=-1)["workers"]
    declared = {address for address, each in workers.items() if each["resources"]}
    assert len(declared) == 2
    document = read_result(path)
    assert [cell["batch"] for cell in document["cells"]] == [1, 2, 4, 8, 16, 32]
    assert {cell["worker"] for cell in document["cells"]} == {*document["workers"]} <= declared
    pids = cluster.client.run(os.getpid)
    for address, each in document["workers"].items():
        assert each["environment"]["pid"] == pids[address]
    # A launch of 5 µs, 10 µs a sample, and 8 µs until the host knows.
    assert document["cells"][3]["time"]["latency"]["value"] == pytest.approx(5e-6 + 8e-5 + 8e-6)


def test_a_cell_whose_worker_dies_is_measured_by_another_and_none_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "deadly").touch()
    made = cells_on(cluster, tmp_path, (1, 2, 3, 4))
    made.measure()
    assert not (tmp_path / "deadly").exists(), "a worker has died of it"
    assert [(cell["batch"], cell["status"]) for cell in made.document()["cells"]] == [
        (1, "ok"), (2, "ok"), (3, "ok"), (4, "ok"),
    ]  # fmt: skip
    cluster.client.wait_for_workers(3, timeout=PATIENCE)


def test_the_command_measures_a_spec_file_on_a_cluster(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        cells_module, "Cells", functools.partial(Cells, start=functools.partial(FakeMeasuring, tmp_path))
    )
    ceilings, spec = tmp_path / "ceilings.json", tmp_path / "lenet5.yaml"
    ceilings.write_text(json.dumps(CEILINGS.document()))
    spec.write_text(_lenet5())
    asked = ["bench", str(spec), "--quick", "--batch", "1,8", "--ceilings", str(ceilings)]
    assert main([*asked, "--scheduler", cluster.name, "-o", str(tmp_path / "result.json")]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert "a fake device · PyTorch 2.13.0 · 1 round" in out
    opened = {Path(each) for *_, each in seen(tmp_path)}
    assert {each.name for each in opened} == {"lenet5.yaml"}
    assert spec not in opened, "a worker elsewhere has no such file; what it is sent lies in a folder of its own"
    assert len(read_result(tmp_path / "result.json")["cells"]) == 2


def _lenet5() -> str:
    from archscope.sweep.naming import named

    (spec,) = named(["lenet5"])
    return spec.text


def test_workers_with_another_pytorch_are_refused_in_one_line(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cells_module, "_torch_here", lambda: "1.0.0")
    assert main(["bench", "lenet5", "--scheduler", cluster.name]) == 2
    said = capfd.readouterr().err
    assert said.startswith("error: the worker tcp://127.0.0.1:")
    assert said.endswith(", and this is 1.0.0; install the same version there\n")
    assert said.count("\n") == 1
    monkeypatch.setattr(cluster_module, "__version__", "9.9.9")
    assert main(["bench", "lenet5", "--scheduler", cluster.name]) == 2
    assert ", and this is 9.9.9; install the same version there\n" in capfd.readouterr().err


def test_builds_of_one_version_of_pytorch_are_one_and_none_at_all_is_an_extra() -> None:
    check_torch({"here": "2.13.0+cpu", "w": "2.13.0+cu130"})
    with pytest.raises(UsageError, match=r"the worker w has torch 2\.12\.0, and this is 2\.13\.0"):
        check_torch({"here": "2.13.0", "w": "2.12.0"})
    with pytest.raises(ClusterGone, match=r"the worker w has no PyTorch; install torch 2\.13\.0 there") as missing:
        check_torch({"here": "2.13.0", "w": ""})
    assert missing.value.exit_code == 3


def answered(cell: Cell, worker: str, title: str = "a fake device", copy: float = 2e10) -> dict[str, Any]:
    """What a worker sends back about a cell, as `archscope.sweep.cells.measured` does."""
    return {
        "version": cluster_module.__version__, "worker": worker, "eager": {},
        "hello": {"device": "fake:0", "title": title, "environment": {}},
        "ceilings": replace(CEILINGS, bandwidth={"copy": copy}).document(),
        "rounds": [measured(cell, 1e-3)], "elapsed": {"imports": 1.0, "ceilings": 2.0, "cells": 4.0},
    }  # fmt: skip


class Stopped:
    """Stands for a future whose work came to nothing."""

    status = "error"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def exception(self, timeout: float) -> Exception:
        return self.error


def test_what_workers_answer_is_added_up_and_another_device_or_a_refusal_ends_it(tmp_path: Path) -> None:
    analyses = {"lenet5": archscope.analyze("lenet5")}
    cells = plan(["lenet5"], batches=(1, 2, 3, 4))
    made = Cells(Job(cells=cells, analyses=analyses, rounds=1), {}, Cluster.__new__(Cluster))
    made._keep(cells[0], answered(cells[0], "one", copy=3e10))
    made._keep(cells[1], answered(cells[1], "two", copy=1e10))
    made._take(cells[2], Stopped(type("KilledWorker", (Exception,), {})("again")))
    made._take(cells[3], Stopped(ValueError("no such thing")))
    document = made.document()
    assert document["elapsed"] == {"imports": 2.0, "ceilings": 4.0, "cells": 8.0}
    assert document["ceilings"]["bandwidth"]["copy"] == 3e10  # the best that any worker has reached
    assert [(cell["status"], cell["worker"]) for cell in document["cells"]] == [
        ("ok", "one"), ("ok", "two"), ("killed", None), ("error", None),
    ]  # fmt: skip
    assert document["cells"][3]["error"] == "ValueError: no such thing"
    with pytest.raises(UsageError, match="the worker three has the device another, and others have a fake device"):
        made._keep(cells[2], answered(cells[2], "three", title="another"))
    refusal = {"version": cluster_module.__version__, "worker": "four", "refused": "no device `tpu`", "exit_code": 3}
    with pytest.raises(Refused, match="four: no device `tpu`") as refused:
        made._keep(cells[2], refusal)
    assert refused.value.exit_code == 3


def test_a_cluster_without_a_gpu_and_one_that_loses_it_are_one_line_and_keep_what_is_done(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", resources={"GPU": 1}
    ) as small, distributed.Client(small, set_as_default=False) as client:  # fmt: skip

        class Leaving(Cells):
            """Its only worker leaves when a cell has come."""

            def _keep(self, cell: Cell, answer: dict[str, Any]) -> None:
                super()._keep(cell, answer)
                small.scale(0)
                small.sync(small._correct_state)

        made = cells_on(Cluster(client, "the small one", patience=0.2), tmp_path, (1, 2, 4, 8), Leaving)
        with pytest.raises(
            ClusterGone, match=r"the small one has no workers with a GPU any more; [123] of 4 cells are"
        ):
            made.measure()
        kept = made.document()["cells"]
        assert 1 <= len(kept) <= 3
        assert {cell["status"] for cell in kept} == {"ok"}
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as plain:
        assert main(["bench", "lenet5", "--scheduler", plain.scheduler_address]) == 3
        address = plain.scheduler_address
        assert capfd.readouterr().err == (
            f"error: no worker of {address} declares a GPU; start one with `dask worker {address} --resources GPU=1`\n"
        )
        with existing(address) as found:
            assert cells_module.with_gpu(found) == []
