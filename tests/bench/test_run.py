"""Rounds in fresh processes, a valid file after every step, and cells that fail by themselves."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from archscope.bench.ceilings import Ceilings, from_document
from archscope.bench.merging import beats
from archscope.bench.plan import Cell
from archscope.bench.processes import WorkerGone, WorkerProcess
from archscope.bench.run import Refused, exit_status
from tests.bench.results import CEILINGS, figure, finished, killed, measured, run
from tests.patience import PATIENCE


def good(cell: Cell, time: int) -> dict[str, object]:
    return measured(cell, 1e-3 * cell.batch * (1 + 0.01 * time))


def test_every_round_is_a_fresh_process_with_its_own_order() -> None:
    made, log = run(good, batches=tuple(range(1, 9)))
    made.measure()
    assert log.count("start") == log.count("close") == 3
    rounds = [part.split() for part in " ".join(map(str, log)).split("start")[1:]]
    orders = [[each for each in part if "/" in each] for part in rounds]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])


def test_the_headline_is_the_median_over_rounds_with_their_t_interval() -> None:
    (cell,) = finished(good)["cells"]
    time = cell["time"]["latency"]
    assert time["rounds"] == pytest.approx([1.01e-3, 1.02e-3, 1.03e-3])
    assert time["value"] == pytest.approx(1.02e-3)
    assert time["ci_kind"] == "rounds_t"
    assert time["ci"][1] - time["ci"][0] == pytest.approx(2 * 4.3027 * 1e-5 / 3**0.5, rel=1e-3)
    assert time["n"] == 75
    assert cell["throughput"] == pytest.approx(1 / 1.02e-3)
    assert cell["rate_basis"] == "latency"


def test_a_single_round_has_the_interval_of_its_samples_and_says_so() -> None:
    (cell,) = finished(good, rounds=1)["cells"]
    assert cell["time"]["latency"]["ci_kind"] == "order"
    assert "one round" in cell["flags"]


def test_rounds_that_differ_are_flagged() -> None:
    (cell,) = finished(lambda cell, time: measured(cell, 1e-3 * time))["cells"]
    assert "rounds differ" in cell["flags"]


def test_rates_and_floors_are_those_of_the_ceilings() -> None:
    (cell,) = finished(good)["cells"]
    assert cell["flops_per_s"] == pytest.approx(2 * 326_520 / 1.02e-3)
    assert cell["fraction_of_peak"] == pytest.approx(2 * 326_520 / 1.02e-3 / 1e11)
    assert cell["floors"]["f1"] == pytest.approx((60_850 + 1024 + 10) * 4 / 2e10)
    assert cell["floors"]["f1"] <= cell["floors"]["f2"] <= cell["time"]["latency"]["value"]
    assert cell["floors"]["f3"] == pytest.approx(1000 / 2e10)


def test_layers_and_the_rest_add_up_to_the_whole() -> None:
    (cell,) = finished(good, ("alexnet",))["cells"]
    assert sum(layer["share"] for layer in cell["layers"]) == pytest.approx(1)
    assert cell["layers"][-1]["name"] == "between layers"
    assert cell["layers"][-1]["share"] == pytest.approx(0.02)
    assert cell["layers"][-1]["flags"] == []
    assert cell["instrumentation"]["overhead"] == pytest.approx(0.01)


def test_layers_that_do_not_add_up_are_flagged() -> None:
    def open_(cell: Cell, time: int) -> dict[str, object]:
        answer = good(cell, time)
        answer["layers"]["whole"] *= 1.5
        return answer

    (cell,) = finished(open_)["cells"]
    assert cell["layers"][-1]["flags"] == ["the layers do not add up to the whole"]


def test_a_layer_beyond_its_floor_is_labelled_not_clipped() -> None:
    (cell,) = finished(lambda cell, time: measured(cell, 1e-6))["cells"]
    layers = {layer["name"]: layer for layer in cell["layers"]}
    assert layers["C1"]["speed_of_light"] > 1
    assert layers["C1"]["flags"] == ["above the compute ceiling: the ceiling was measured too low"]
    assert layers["S2"]["flags"] == ["above the memory ceiling: read from cache"]
    assert "below F1: the ceilings are too low" in cell["flags"]


@pytest.mark.parametrize(
    ("cache", "why"),
    [
        (1 << 25, "read from cache"),
        (1000, "the cache holds less, the ceiling may be too low"),
        (None, "read from cache, or the ceiling is too low"),
    ],
)
def test_a_layer_is_said_to_be_read_from_a_cache_that_holds_it(cache: int | None, why: str) -> None:
    known = dataclasses.replace(CEILINGS, cache=cache)
    made, _ = run(lambda cell, _: measured(cell, 1e-6), ceilings=known)
    made.measure()
    layers = {layer["name"]: layer["flags"] for layer in made.document()["cells"][0]["layers"]}
    assert layers["S2"] == [f"above the memory ceiling: {why}"]
    assert from_document(known.document(), where="x.json") == known


def test_what_no_cache_holds_and_is_faster_than_memory_beats_the_ceilings() -> None:
    layer = {"flags": ["above the memory ceiling: the cache holds less, the ceiling may be too low"]}
    assert beats({"flags": [], "layers": [layer]})
    assert not beats({"flags": [], "layers": [{"flags": ["above the memory ceiling: read from cache"]}]})


def test_only_kernels_of_3_with_stride_1_are_said_to_be_computed_in_fewer_steps() -> None:
    (cell,) = finished(lambda cell, time: measured(cell, 1e-5), ("alexnet-pytorch",), batches=(64,))["cells"]
    layers = {layer["name"]: layer["flags"] for layer in cell["layers"]}
    # conv1 is 11×11 with stride 4, conv2 is 5×5: for neither is there a way with fewer products.
    assert layers["conv1"] == layers["conv2"] == ["above the compute ceiling: the ceiling was measured too low"]
    assert layers["conv3"] == layers["conv4"] == ["above the compute ceiling: Winograd or FFT"]


def test_on_cuda_larger_kernels_with_stride_1_are_computed_in_fewer_steps_too() -> None:
    cuda = dataclasses.replace(CEILINGS, launch={"op": 7e-6, "node": 9e-7})
    made, _ = run(lambda cell, _: measured(cell, 1e-5), ("alexnet-pytorch",), batches=(64,), ceilings=cuda)
    made.measure()
    layers = {layer["name"]: layer["flags"] for layer in made.document()["cells"][0]["layers"]}
    assert layers["conv1"] == ["above the compute ceiling: the ceiling was measured too low"]
    assert layers["conv2"] == layers["conv3"] == ["above the compute ceiling: Winograd or FFT"]


def higher(times: int) -> Ceilings:
    """A device whose ceilings come out ten times higher each time they are measured, but for memory."""
    return dataclasses.replace(CEILINGS, peak_flops={"fp32": 1e10 * 10**times})


def test_ceilings_that_are_beaten_are_measured_again_beside_the_cell_and_only_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    # 2 · 724 million FLOPs a sample, 64 samples, in 0.4 s: 2.3e11 FLOP/s, and more in single layers.
    made, log = run(lambda cell, _: measured(cell, 0.4), ("alexnet-pytorch",), batches=(64,), rounds=4, ceilings=None,
                    device=higher)  # fmt: skip
    made.measure()
    document = made.document()
    assert document["ceilings"]["peak_flops"]["fp32"] == max(
        1e10 * 10**time for time in range(1, 1 + log.count("ceilings"))
    )
    assert 1 < log.count("ceilings") <= 1 + 4
    last = max(place for place, each in enumerate(log) if each == "ceilings")
    assert str(log[last - 1]).startswith("alexnet-pytorch/"), "beside the cell that beat them, in its own process"
    (cell,) = document["cells"]
    assert [layer["name"] for layer in cell["layers"] if any("compute" in flag for flag in layer["flags"])] == []


def test_ceilings_that_nothing_beats_and_given_ones_are_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made, log = run(lambda cell, _: measured(cell, 1e-5), ("alexnet-pytorch",), batches=(64,))
    made.measure()
    assert log.count("ceilings") == 0
    made, log = run(good, ceilings=None)
    made.measure()
    assert log.count("ceilings") == 1


def test_a_ceiling_from_a_noisy_machine_is_blamed_itself() -> None:
    noisy = dataclasses.replace(CEILINGS, noise="bad")
    (cell,) = finished(lambda cell, time: measured(cell, 1e-6), ceilings=noisy)["cells"]
    assert cell["layers"][0]["flags"] == ["faster than a ceiling that was measured on a noisy machine"]


def test_a_gpu_cell_tells_the_four_times_apart_and_knows_what_it_waits_for() -> None:
    def asynchronous(cell: Cell, time: int) -> dict[str, object]:
        figures = {"latency": 79.5e-6, "period": 70.6e-6, "device": 42e-6, "host": 70e-6}
        return measured(cell, 79.5e-6, figures={name: figure(value) for name, value in figures.items()})

    (cell,) = finished(asynchronous)["cells"]
    assert cell["launch_bound"] is True
    assert cell["bound"] == "launch"
    assert cell["rate_basis"] == "period"
    assert cell["throughput"] == pytest.approx(1 / 70.6e-6, rel=1e-3)


@pytest.mark.parametrize(("seconds", "bound"), [(0.02, "memory"), (2e-4, "launch")])
def test_a_layer_waits_for_its_operations_only_where_starting_them_takes_its_time(seconds: float, bound: str) -> None:
    # 14 operations of 7 µs are more than the floor of lrn1, and a hundredth of what it takes in the first case.
    slow = dataclasses.replace(CEILINGS, launch={"op": 7e-6}, bandwidth={"copy": 1e12}, peak_flops={"fp32": 1e15})
    (cell,) = finished(lambda cell, _: measured(cell, seconds), ("alexnet",), ceilings=slow)["cells"]
    assert next(layer for layer in cell["layers"] if layer["name"] == "lrn1")["bound"] == bound


def test_a_failed_cell_leaves_the_others_alone_and_is_not_tried_again() -> None:
    def some(cell: Cell, time: int) -> dict[str, object]:
        if cell.model == "alexnet":
            return {"status": "unsupported", "error": "layer `lrn1` has no bf16"}
        return good(cell, time)

    made, log = run(some, ("alexnet", "lenet5"))
    made.measure()
    alexnet, lenet = made.document()["cells"]
    assert (alexnet["status"], alexnet["time"]) == ("unsupported", None)
    assert lenet["status"] == "ok"
    assert sum("alexnet" in str(each) for each in log) == 1
    assert exit_status(made.document()) == 0


def test_a_batch_that_does_not_fit_learns_the_largest_that_did() -> None:
    def some(cell: Cell, time: int) -> dict[str, object]:
        return {"status": "oom", "error": "needs too much"} if cell.batch > 100 else good(cell, time)

    cells = finished(some, batches=(1, 64, 128, 256))["cells"]
    assert [cell["status"] for cell in cells] == ["ok", "ok", "oom", "oom"]
    assert cells[3]["error"] == "needs too much; the largest listed batch that fitted is 64"


def test_a_wrong_output_has_no_speed_and_fails_the_run() -> None:
    wrong = {"status": "incorrect", "error": "far", "check": {"rel_l2": 0.3, "passed": False}}
    document = finished(lambda cell, time: wrong if cell.batch == 1 else good(cell, time), batches=(1, 8))
    assert document["cells"][0]["throughput"] is None
    assert document["cells"][0]["time"] is None
    assert exit_status(document) == 1


def test_no_good_cell_fails_the_run() -> None:
    assert exit_status(finished(lambda *_: {"status": "oom", "error": "no"})) == 1


def failing_first(failure: Callable[[], object]) -> list[object]:
    """The log of a round whose first cell fails."""
    failed: list[str] = []

    def some(cell: Cell, time: int) -> object:
        if not failed:
            failed.append(cell.id)
            return failure()
        return good(cell, time)

    made, log = run(some, batches=(1, 8, 32), rounds=1)
    made.measure()
    statuses = {cell["id"]: cell["status"] for cell in made.document()["cells"]}
    assert statuses.pop(failed[0]) != "ok"
    assert list(statuses.values()) == ["ok", "ok"]
    return ["cell" if "/" in str(each) else each for each in log]


def test_after_a_worker_is_killed_the_rest_runs_in_a_new_one() -> None:
    assert failing_first(killed) == ["start", "cell", "close", "start", "cell", "cell", "close"]


def test_a_lost_device_gets_a_new_worker() -> None:
    lost = {"status": "device_lost", "error": "gone"}
    assert failing_first(lambda: lost) == ["start", "cell", "close", "start", "cell", "cell", "close"]


def test_another_failure_keeps_the_worker() -> None:
    failed = {"status": "error", "error": "shapes"}
    assert failing_first(lambda: failed) == ["start", "cell", "cell", "cell", "close"]


def test_the_file_is_valid_after_every_cell_and_an_interrupt_keeps_what_was_done(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    seen = []

    def some(cell: Cell, time: int) -> object:
        if path.exists():
            seen.append(len(json.loads(path.read_text())["cells"]))
        return KeyboardInterrupt() if len(seen) == 2 else good(cell, time)

    made, log = run(some, batches=(1, 8, 32, 64), output=path)
    with pytest.raises(KeyboardInterrupt):
        made.measure()
    assert seen == [1, 2]
    document = json.loads(path.read_text())
    assert document["schema"] == "archscope.bench/1"
    assert [cell["status"] for cell in document["cells"]] == ["ok", "ok"]
    assert log[-1] == "close"


def test_a_document_is_json_with_everything_that_the_schema_names(tmp_path: Path) -> None:
    document = json.loads(json.dumps(finished(good, ("alexnet",)), allow_nan=False))
    assert set(document) >= {"schema", "flop_convention", "created", "argv", "environment", "ceilings", "cells"}
    (cell,) = document["cells"]
    assert cell["id"] == "alexnet/b1/fp32/nchw/eager/infer"
    assert cell["model"] == {
        "name": "alexnet", "parameters": 60_965_224, "macs": 724_406_816, "flops": 1_448_813_632,
    }  # fmt: skip
    assert cell["memory"]["weights"] == 243_860_896
    assert set(cell) >= {
        "status", "error", "time", "throughput", "flops_per_s", "rate_basis", "fraction_of_peak", "floors", "bound",
        "launch_bound", "memory", "check", "noise", "flags", "layers",
    }  # fmt: skip
    assert set(cell["time"]) == {"latency", "period", "device", "host", "first_call", "compile"}
    conv1 = cell["layers"][0]
    assert (conv1["name"], conv1["type"], conv1["macs"]) == ("conv1", "conv2d", 105_415_200)


def test_ceilings_are_measured_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made, log = run(good, ceilings=None, batches=(1, 8))
    made.measure()
    assert log.count("ceilings") == 1
    assert made.document()["ceilings"]["peak_flops"] == dict(CEILINGS.peak_flops)
    again, log = run(good, ceilings=None)
    again.measure()
    assert log.count("ceilings") == 0
    assert "kept for a day" in again.document()["ceilings"]["source"]


def test_a_real_worker_refuses_a_device_that_is_not_there() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    worker = WorkerProcess()
    try:
        answer = worker.ask({"do": "hello", "device": "cuda"}, timeout=PATIENCE)
    finally:
        worker.close()
    assert answer["exit_code"] == 3
    assert "no device `cuda`" in answer["error"]


def test_a_refusal_ends_the_run() -> None:
    made, _ = run(lambda *_: {"error": "no device `cuda`", "exit_code": 3})
    with pytest.raises(Refused) as caught:
        made.measure()
    assert caught.value.exit_code == 3


def test_a_real_worker_that_is_killed_is_noticed() -> None:
    worker = WorkerProcess()
    os.kill(worker.pid, signal.SIGSTOP)  # or it might answer first
    threading.Timer(0.2, os.kill, (worker.pid, signal.SIGKILL)).start()
    try:
        with pytest.raises(WorkerGone, match="killed by SIGKILL; the system may have run out of memory") as caught:
            worker.ask({"do": "hello", "device": "cpu"}, timeout=PATIENCE)
    finally:
        worker.close()
    assert caught.value.status == "killed"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a process with its parent")
def test_a_worker_ends_with_the_program_that_started_it() -> None:
    program = (
        "from archscope.bench.processes import WorkerProcess; worker = WorkerProcess(); "
        f"worker.ask({{'do': 'hello', 'device': 'cpu'}}, timeout={PATIENCE}); "
        f"import time; print(worker.pid, flush=True); time.sleep({PATIENCE})"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = Path(f"/proc/{int(parent.stdout.readline())}")
    assert worker.exists()
    parent.kill()
    parent.communicate()
    end = time.monotonic() + PATIENCE
    while _runs(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(process: Path) -> bool:
    """Whether a process is there and is more than an entry that nobody has collected yet."""
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_real_worker_that_takes_too_long_is_ended() -> None:
    worker = WorkerProcess()
    with pytest.raises(WorkerGone, match=r"took longer than 0\.01 seconds and was ended") as caught:
        worker.ask({"do": "hello", "device": "cpu"}, timeout=0.01)
    assert caught.value.status == "timeout"


def test_a_real_worker_that_fails_says_its_last_line() -> None:
    worker = WorkerProcess()
    try:
        with pytest.raises(WorkerGone, match=r"ended with status 1: AttributeError: .*do_nonsense"):
            worker.ask({"do": "nonsense"}, timeout=PATIENCE)
    finally:
        worker.close()
