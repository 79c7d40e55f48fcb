"""Sweeps on a Dask cluster: a real scheduler and workers on loopback, some of which die."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.cli import main
from archscope.errors import MissingExtra, UsageError
from archscope.sweep import Here, Journal, Plan, plan, run, set_axis
from archscope.sweep import cluster as cluster_module
from archscope.sweep import running as running_module
from archscope.sweep.cluster import AHEAD, Cluster, ClusterGone, check_versions, existing, local, require_dask
from archscope.sweep.naming import named
from tests.patience import PATIENCE

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default::ResourceWarning", "default::DeprecationWarning")

SETS = ("C5.out_channels=1..40", "F6.out_features=1..40", "C1.padding=0..1")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two worker processes, for all tests here."""
    with local(2) as found:
        yield found


@pytest.fixture(scope="module")
def grid() -> Plan:
    return plan(named(["lenet5"]), [set_axis(each) for each in SETS], where=["parameters != 50_000"])


@pytest.fixture(scope="module")
def alone(grid: Plan) -> list[str]:
    """The rows as one process has them."""
    journal = Journal(None, grid.identity)
    run(grid, journal, Here())
    lines = [*journal.lines()]
    journal.close()
    return lines


def swept(grid: Plan, engine: Any, journal: Journal | None = None) -> list[str]:
    """The rows that an engine gives."""
    kept = journal or Journal(None, grid.identity)
    try:
        run(grid, kept, engine)
    finally:
        lines = [*kept.lines()]
        if journal is None:
            kept.close()
    return lines


def address(cluster: Cluster) -> str:
    return str(cluster.client.scheduler.address)


def test_workers_give_the_rows_that_one_process_gives(cluster: Cluster, grid: Plan, alone: list[str]) -> None:
    assert cluster.workers == 2
    assert swept(grid, cluster) == alone


def test_a_worker_that_is_killed_in_the_middle_loses_and_doubles_no_row(
    cluster: Cluster, grid: Plan, alone: list[str]
) -> None:
    class Killing(Cluster):
        """Kills a worker's process when the second chunk has come, while others are under way."""

        killed = 0

        def texts(self, plan: Plan, chunks: Any) -> Any:
            for seen, each in enumerate(super().texts(plan, chunks)):
                if seen == 2:
                    pids = self.client.run(os.getpid)
                    os.kill(min(pids.values()), signal.SIGKILL)
                    type(self).killed += 1
                yield each

    assert swept(grid, Killing(cluster.client, "here")) == alone
    assert Killing.killed == 1
    cluster.client.wait_for_workers(2, timeout=PATIENCE)


def test_few_chunks_are_under_way_however_many_there_are(cluster: Cluster, grid: Plan) -> None:
    now, most = 0, 0

    def submit(chunk: tuple[int, int]) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        return cluster.client.submit(running_work, chunk, pure=False)

    done = 0
    for each in cluster.results([(at, at + 1) for at in range(30)], submit):
        if each is not None:
            assert each[0] == (done, done + 1)
            done, now = done + 1, now - 1
    assert done == 30
    assert most == AHEAD * cluster.workers


def running_work(chunk: tuple[int, int]) -> tuple[str, str]:
    """Stands for a chunk of a sweep."""
    return cluster_module.__version__, str(chunk)


def test_the_command_works_on_a_cluster_that_is_there(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["sweep", "lenet5", "--set", "C1.padding=0..4", "--set", "F6.out_features=1..50"]
    assert main([*asked, "--workers", "1", "-o", "here.csv"]) == 0
    assert main([*asked, "--scheduler", address(cluster), "-o", "there.csv"]) == 0
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert len(cluster.client.scheduler_info()["workers"]) == 2, "a cluster that was there is left alone"


def test_who_asks_for_processes_gets_a_cluster_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "lenet5", "--set", "F6.out_features=1..20", "--workers", "2", "-f", "csv"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert [int(line.partition(",")[0]) for line in out.splitlines()[1:]] == [*range(20)]


def test_workers_of_another_version_are_refused_before_and_while_they_work(
    cluster: Cluster, grid: Plan, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    right = cluster_module.__version__
    monkeypatch.setattr(cluster_module, "__version__", "9.9.9")
    assert main(["sweep", "lenet5", "--scheduler", address(cluster)]) == 2
    said = capfd.readouterr().err
    assert said.startswith("error: the worker tcp://127.0.0.1:")
    assert f" has archscope {right}, and this is 9.9.9; install the same version there\n" in said
    assert said.count("\n") == 1
    with pytest.raises(UsageError, match=f"has archscope {right}, and this is 9.9.9"):
        swept(grid, cluster)
    with pytest.raises(ClusterGone, match="the worker w has no archscope; install") as missing:
        check_versions({"w": ""})
    assert missing.value.exit_code == 3


def test_a_scheduler_that_does_not_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster_module, "TIMEOUT", 0.5)
    assert main(["sweep", "lenet5", "--scheduler", "tcp://127.0.0.1:9"]) == 3
    assert capfd.readouterr() == (
        "", "error: no scheduler answers at tcp://127.0.0.1:9; start one with `dask scheduler`\n",
    )  # fmt: skip
    for wrong in ("nonsense", "tcp//127.0.0.1", "ftp://127.0.0.1:9"):
        assert main(["sweep", "lenet5", "--scheduler", wrong]) == 2
        said = capfd.readouterr().err
        assert said == f"error: `--scheduler {wrong}` is no address; write it as `tcp://host:8786`\n"


def test_rows_are_kept_when_the_last_worker_goes_and_the_sweep_goes_on_when_one_is_back(
    tmp_path: Path, grid: Plan, alone: list[str]
) -> None:
    path = tmp_path / "rows.part"
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as small, distributed.Client(small, set_as_default=False) as client:  # fmt: skip

        class Leaving(Cluster):
            """Its only worker leaves when two chunks have come."""

            def texts(self, plan: Plan, chunks: Any) -> Any:
                for seen, each in enumerate(super().texts(plan, chunks)):
                    if seen == 2:
                        small.scale(0)
                        small.sync(small._correct_state)
                    yield each

        journal = Journal(path, grid.identity)
        with pytest.raises(ClusterGone, match="the small one has no workers any more") as gone:
            swept(grid, Leaving(client, "the small one", patience=0.2), journal)
        assert gone.value.exit_code == 3
        kept = [*journal.lines()]
        journal.close()
        assert kept
        assert kept == alone[: len(kept)]
        with pytest.raises(ClusterGone, match="has no workers; start some with"), existing(small.scheduler_address):
            pass
    journal = Journal(path, grid.identity)
    assert swept(grid, Here(), journal) == alone
    journal.close()


class Lost:
    """A result that was done, and is lost with its worker the first times that it is asked for."""

    def __init__(self, times: int, status: str = "finished") -> None:
        self.times, self.status = times, status

    def add_done_callback(self, call: Any) -> None:
        call(self)

    def result(self, timeout: float) -> tuple[str, str]:
        self.times -= 1
        if self.times >= 0:
            raise TimeoutError(f"timed out after {timeout} s.")
        return archscope.__version__, "rows"


class Client:
    """As much of Dask's as an engine asks."""

    status = "running"

    def __init__(self, **workers: Any) -> None:
        self.workers = workers

    def scheduler_info(self, **_: Any) -> Any:
        return {"workers": self.workers}

    def cancel(self, futures: Any) -> None:
        pass


def test_a_result_lost_with_its_worker_is_waited_for_as_long_as_others_work() -> None:
    here = Cluster(Client(other={"nthreads": 1}), "the small one", patience=-1)
    found = here.results([(0, 1)], lambda _: Lost(2))
    assert [*found] == [None, None, ((0, 1), "rows")]
    alone = Cluster(Client(), "the small one", patience=-1).results([(0, 1)], lambda _: Lost(2))
    with pytest.raises(ClusterGone, match="the small one has no workers any more"):
        next(alone)
    own = here.results([(0, 1)], lambda _: Lost(2, "error"))
    with pytest.raises(ClusterGone, match="a worker failed with TimeoutError: timed out"):
        next(own)


def test_a_scheduler_that_goes_away_ends_the_sweep_in_one_line_and_keeps_its_rows(grid: Plan, alone: list[str]) -> None:
    small = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0")
    client = distributed.Client(small, set_as_default=False)

    class Closing(Cluster):
        """Its scheduler ends when two chunks have come."""

        def texts(self, plan: Plan, chunks: Any) -> Any:
            for seen, each in enumerate(super().texts(plan, chunks)):
                if seen == 2:
                    small.close()
                yield each

    journal = Journal(None, grid.identity)
    with pytest.raises(ClusterGone, match="the small one does not answer any more"):
        swept(grid, Closing(client, "the small one", patience=0.2), journal)
    kept = [*journal.lines()]
    assert kept
    assert kept == alone[: len(kept)]
    journal.close()
    client.close()


@pytest.mark.parametrize("missing", ["dask", "distributed"])
def test_without_dask_a_large_sweep_works_on_one_core_and_a_cluster_is_an_extra(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(cluster_module, "cores", lambda: 2)
    path = tmp_path / "rows.csv"
    asked = ["sweep", "lenet5", "--set", "C5.out_channels=1..50", "--set", "F6.out_features=1..50", "-o", str(path)]
    needs = "a sweep on several cores needs Dask: pip install 'archscope[sweep]'\n"
    for cluster in (["--scheduler", "tcp://127.0.0.1:9"], ["--workers", "2"]):
        assert main([*asked, *cluster]) == 3
        assert capfd.readouterr() == ("", f"error: {needs}")
        path.with_name("rows.csv.part").unlink(missing_ok=True)
    assert main(asked) == 0
    assert capfd.readouterr() == ("", f"note: one core works; {needs}")
    assert len(path.read_text().splitlines()) == 1 + 2_500


def test_a_dask_that_is_there_and_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dask.py").write_text("import toolz_of_another_time\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [each for each in sys.modules if each.partition(".")[0] == "dask"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match=r"Dask, which cannot be imported here \(Module.*another_time'\)"):
        require_dask()


def test_threads_of_one_worker_do_not_share_what_they_remember(grid: Plan, alone: list[str]) -> None:
    found: dict[int, list[str]] = {}

    def work(number: int) -> None:
        chunks = [running_module.work(grid, start, stop) for start, stop in [(0, 200), (1_600, 1_800)]]
        found[number] = "".join(chunks).splitlines(keepends=True)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    first = [*found[0]]
    assert first == found[1]
    assert first == [line for line in alone if int(line.partition(",")[0]) % 1_600 < 200]
