"""``archscope bench`` from the outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archscope.cli import main
from tests.bench.results import finished, measured
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ceilings(tmp_path: Path) -> str:
    path = tmp_path / "ceilings.json"
    path.write_text(
        json.dumps({"device": "given", "peak_flops": {"bf16": 790e12, "fp32": 100e12}, "bandwidth": 4.3e12})
    )
    return str(path)


def test_a_dry_run_prints_the_floors_on_given_ceilings(ceilings: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "alexnet", "--dry-run", "--batch", "256", "--dtype", "bf16", "--ceilings", ceilings]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "469 µs  660 µs" in printed
    assert "lrn1" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_dry_run_on_named_hardware_states_the_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "lenet5-pytorch", "--dry-run", "--dtype", "bf16,fp32", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["device"].split()[1] for each in document["ceilings"]] == ["H200", "A100", "GeForce"]
    assert all("NVIDIA" in each["source"] for each in document["ceilings"])
    assert len(document["floors"]) == 6


def test_a_dry_run_without_a_working_folder_is_one_line(
    ceilings: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Path:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "cwd", gone)
    assert main(["bench", "lenet1", "--dry-run", "--ceilings", ceilings]) == 2
    printed = capsys.readouterr().err
    assert printed == (
        "error: bench --dry-run needs PyTorch, which needs the folder that this runs in, and that is gone; "
        "change to another\n"
    )


def test_a_dry_run_needs_no_pytorch(ceilings: str) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else found(name, *a)\n"
        "from archscope.cli import main\n"
        "arguments = ['bench', 'alexnet', '--dry-run', '--batch', '256', '--dtype', 'bf16']\n"
        f"sys.exit(main([*arguments, '--ceilings', {ceilings!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "469 µs  660 µs" in done.stdout
    assert "F3 eager" not in done.stdout


def test_without_pytorch_measuring_says_what_to_install() -> None:
    program = (
        "import sys, importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else found(name, *a)\n"
        "from archscope.cli import main; sys.exit(main(['bench', 'lenet5']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 3
    assert done.stderr == "error: bench needs PyTorch: pip install 'archscope[torch]'\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench"], "bench needs a spec"),
        (["bench", "lenet"], "lenet"),
        (["bench", "lenet5", "--batch", "0"], "`0` is no batch size"),
        (["bench", "lenet5", "--dtype", "fp23"], "did you mean `fp32`?"),
        (["bench", "lenet5", "--device", "gpu"], "no device is called `gpu`"),
        (["bench", "lenet5", "--format", "jsn"], "did you mean `json`?"),
        (["bench", "lenet5", "--hardware", "h200"], "--hardware is for --dry-run"),
        (["bench", "lenet5", "--dry-run", "--hardware", "h20"], "did you mean `h200`?"),
        (["bench", "lenet5", "--ceilings", "nowhere.json"], "cannot read ceilings from nowhere.json"),
        (["bench", "lenet5", "--compare", "nowhere.json"], "cannot read nowhere.json"),
        (["bench", "--read", "nowhere.json"], "cannot read nowhere.json"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_cuda_on_a_cpu_build_is_one_line_and_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    if torch.version.cuda is not None:
        pytest.skip("this PyTorch has CUDA")
    assert main(["bench", "lenet5", "--device", "cuda", "--quick"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: no device `cuda`: PyTorch ")
    assert "is built without CUDA" in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.slow
def test_one_run_holds_good_bad_and_impossible_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    output, plot = tmp_path / "result.json", tmp_path / "roofline.svg"
    arguments = ["bench", "lenet5", "--device", "cpu", "--batch", "1,10000000000", "--dtype", "fp32,tf32", "--quick"]
    assert main([*arguments, "--seconds", "0.05", "-o", str(output), "--plot", str(plot)]) == 0
    document = json.loads(output.read_text())
    statuses = {cell["id"]: cell["status"] for cell in document["cells"]}
    assert statuses == {
        "lenet5/b1/fp32/nchw/eager/infer": "ok",
        "lenet5/b10000000000/fp32/nchw/eager/infer": "oom",
        "lenet5/b1/tf32/nchw/eager/infer": "unsupported",
        "lenet5/b10000000000/tf32/nchw/eager/infer": "unsupported",
    }
    assert document["environment"]["torch"]["threads"] == 1
    assert all(seconds > 0 for seconds in document["elapsed"].values())
    assert document["cells"][1]["error"].endswith("the largest listed batch that fitted is 1")
    assert plot.read_text().startswith("<svg")


@pytest.mark.slow
def test_an_interrupt_leaves_a_valid_file_and_exit_130(tmp_path: Path, ceilings: str) -> None:
    output = tmp_path / "result.json"
    # Tests that run in the background of a shell have the signal ignored, and hand that on.
    heard = (
        "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from archscope.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    command = [
        sys.executable,
        "-c",
        heard,
        "bench",
        "lenet5",
        "--device",
        "cpu",
        "--batch",
        ",".join(map(str, range(1, 65))),
        "--ceilings",
        ceilings,
        "--seconds",
        "0.3",
        "-o",
        str(output),
    ]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + PATIENCE
    while not output.exists() and time.monotonic() < end:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    printed, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    document = json.loads(output.read_text())
    assert 1 <= len(document["cells"]) < 64  # however late the interrupt comes
    assert all(cell["status"] == "ok" for cell in document["cells"])
    assert "interrupted: " in said
    assert "Traceback" not in said
    assert "Speed" in printed


def test_a_saved_result_is_reported_compared_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, new, plot = tmp_path / "base.json", tmp_path / "new.json", tmp_path / "roofline.svg"
    base.write_text(json.dumps(finished(lambda cell, time: measured(cell, 1e-3))))
    new.write_text(json.dumps(finished(lambda cell, time: measured(cell, 2e-3))))
    assert main(["bench", "--read", str(new), "--compare", str(base), "--plot", str(plot)]) == 1
    printed = capsys.readouterr().out
    assert "SLOW" in printed
    assert "2.000" in printed
    assert main(["bench", "--read", str(base), "--compare", str(base)]) == 0
    assert "SAME" in capsys.readouterr().out
    assert "peak" in plot.read_text()
