"""Break every rule of every layer type, one at a time, and see which tests notice.

    python tools/mutate.py                      all of archscope/layers, two at a time
    python tools/mutate.py pooling --limit 40   one family, a sample
    python tools/mutate.py base:269 dense:47    what stands on these lines
    python tools/mutate.py gates --only "glu or maxout"    asked of the tests with these words alone: seconds a mutant

A mutant is a source file with one operator, constant, comparison, condition or flag changed, in a function or among
what a class states of itself. A mutant counts as noticed when two tests of different functions fail; a survivor is
printed with its place and with the tests that did notice.
Each mutant runs in a fork of a process that has imported everything that is not archscope, so it costs seconds.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.abc
import importlib.util
import io
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "archscope" / "layers"
STAGES = (
    ("tests/layers/test_layers.py",),
    ("tests/memory/test_steps.py",),
    ("tests/memory/test_witness.py", "tests/memory/test_phases.py", "tests/memory/test_after.py"),
    ("archscope/layers", "tests/layers", "tests/test_analysis.py", "tests/test_mistakes.py", "tests/formats"),
    ("tests/building/test_builders.py", "tests/oracles/test_layer_types.py", "tests/test_options.py"),
    ("tests/test_windows.py",),
    ("tests/building/test_build.py", "tests/diagrams/test_figures.py", "tests/diagrams/graph/test_view.py"),
)
"""Tests in the order in which they are asked: most mutants are noticed by the first, and no more are then collected."""
ENOUGH = 2

_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv}
_COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
                ast.NotEq: ast.Eq}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor_over": "ceil_over", "ceil_over": "floor_over"}
_SPELLING = ("label", "__repr__", "sign", "stated")


@dataclass(frozen=True)
class Mutant:
    """One change: where, what, and the source with it."""

    file: Path
    line: int
    was: str
    now: str
    source: str


def mutants(file: Path) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    source = file.read_text(encoding="utf-8")
    healthy = ast.unparse(ast.parse(source))
    count = sum(1 for _ in _sites(ast.parse(source)))
    for place in range(count):
        tree = ast.parse(source)
        node, change = list(_sites(tree))[place]
        change()
        changed = ast.unparse(tree)
        lines = zip(healthy.splitlines(), changed.splitlines(), strict=True)
        differing = [(was.strip(), now.strip()) for was, now in lines if was != now]
        if differing:
            yield Mutant(file, node.lineno, *differing[0], changed)


def _sites(tree: ast.Module) -> Iterator[tuple[Any, Any]]:
    """Places to change inside functions and among the attributes of classes, with what changes them."""
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef) and scope.name not in _SPELLING:
            statements: list[ast.stmt] = scope.body
        elif isinstance(scope, ast.ClassDef):
            statements = [each for each in scope.body if isinstance(each, ast.AnnAssign)]
        else:
            continue
        parts = [part for statement in statements for part in ast.walk(statement)]
        quiet = {id(part) for each in parts if isinstance(each, (ast.Raise, ast.JoinedStr, ast.FunctionDef))
                 for part in ast.walk(each)}  # fmt: skip
        quiet |= {id(part) for each in parts if isinstance(each, ast.AnnAssign) for part in ast.walk(each.annotation)}
        # `zip(…, strict=True)` is a check of ourselves, and no rule.
        quiet |= {id(each.value) for each in parts if isinstance(each, ast.keyword) and each.arg == "strict"}
        for node in parts:
            if id(node) not in quiet:
                yield from _changes(node)


def _changes(node: Any) -> Iterator[tuple[Any, Any]]:
    def set_(target: Any, name: str, value: Any) -> Any:
        return lambda: setattr(target, name, value)

    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield node, set_(node, "op", _ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        yield node, set_(node, "ops", [_COMPARISONS[type(node.ops[0])](), *node.ops[1:]])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield node, lambda: node.__dict__.update(op=ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not(),
                                                 operand=node.operand if isinstance(node.op, ast.USub)
                                                 else ast.UnaryOp(ast.Not(), node.operand))  # fmt: skip
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, set_(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield node, set_(node, "value", node.value + 1)
    elif isinstance(node, ast.BoolOp):
        yield node, set_(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, (ast.If, ast.IfExp)) and not isinstance(node.test, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
        yield node, set_(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _CALLS and isinstance(node.func, ast.Name):
            yield node, set_(node.func, "id", _CALLS[name])
        elif name in _CALLS:
            yield node, set_(node.func, "attr", _CALLS[name])


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Hands out the mutant's source in place of the file's."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = "archscope.layers." + mutant.file.stem

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:  # noqa: ARG002 - the signature is Python's
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.mutant.file, loader=self)

    def create_module(self, spec: Any) -> Any:  # noqa: ARG002
        return None

    def exec_module(self, module: Any) -> None:
        exec(compile(self.mutant.source, str(self.mutant.file), "exec"), module.__dict__)  # noqa: S102 - it is our own source


class _Noticed:
    """A pytest plugin: which test functions fail; stops when there are enough."""

    def __init__(self) -> None:
        self.functions: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.add(report.nodeid.partition("[")[0])

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.add(report.nodeid)

    def add(self, name: str) -> None:
        if name not in self.functions:
            self.functions.append(name)

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> bool | None:  # noqa: ARG002 - pytest's
        function = item.nodeid.partition("[")[0]
        if len(self.functions) >= ENOUGH:
            item.session.shouldstop = "noticed"
            return None
        # One failure of a function says what a hundred would.
        return True if function in self.functions else None


def noticed_by(mutant: Mutant | None, seconds: int, only: str = "") -> list[str] | None:
    """Run the tests on a mutant in a fork; the functions that failed, or None where it did not end."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        child = os.fork()
        if child == 0:
            _in_child(mutant, answer.name, only)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            done, _ = os.waitpid(child, os.WNOHANG)
            if done:
                text = Path(answer.name).read_text(encoding="utf-8")
                return list(json.loads(text)) if text else ["archscope cannot be imported", "or ends the process"]
            time.sleep(0.05)
        os.kill(child, 9)
        os.waitpid(child, 0)
        return None


def _in_child(mutant: Mutant | None, answer: str, only: str) -> None:
    import pytest

    plugin = _Noticed()
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    with Path(os.devnull).open("w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing), \
            contextlib.redirect_stderr(io.StringIO()):  # fmt: skip
        quietly = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", "--continue-on-collection-errors"]
        quietly += ["-k", only] if only else []
        fine = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}
        fine |= {pytest.ExitCode.NO_TESTS_COLLECTED} if only else set()
        for tests in STAGES:
            status = pytest.main([*quietly, "--every", *tests], plugins=[plugin])
            if status not in fine:
                plugin.functions += ["pytest cannot begin", f"and ends with {status}"]
            if len(plugin.functions) >= ENOUGH:
                break
    Path(answer).write_text(json.dumps(plugin.functions), encoding="utf-8")
    os._exit(0)


def _chosen(places: Sequence[str]) -> Iterator[Mutant]:
    """The mutants of modules and of single lines, each file read once."""
    wanted: dict[str, set[str]] = {}
    for name, _, line in (place.partition(":") for place in places):
        wanted.setdefault(name, set()).add(line)
    for name, lines in wanted.items():
        yield from (each for each in mutants(FOLDER / f"{name}.py") if "" in lines or str(each.line) in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants and report; 1 if any survives."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("places", nargs="*", help="modules of archscope/layers, or lines of them; all if none is named")
    parser.add_argument("--limit", type=int, default=0, help="a sample of at most this many, drawn with a fixed seed")
    parser.add_argument("--only", default="", help="ask only tests with such names, as `pytest -k` has it")
    parser.add_argument("--seconds", type=int, default=180, help="most seconds for one mutant")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    chosen = parser.parse_args(arguments)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    import torch
    import torch._dynamo
    import torch.utils.flop_counter

    torch.set_num_threads(1)
    every = list(_chosen(chosen.places or sorted(file.stem for file in FOLDER.glob("[a-z]*.py"))))
    if chosen.limit and len(every) > chosen.limit:
        every = sorted(random.Random(0).sample(every, chosen.limit), key=every.index)  # noqa: S311 - a sample
    healthy = noticed_by(None, chosen.seconds, chosen.only)
    if healthy:
        print(f"the tests fail on the code as it is: {', '.join(healthy)}")
        return 2
    survivors = 0
    # Forked from threads, so a thread never prints or imports while another forks: only the main one does.
    with ThreadPoolExecutor(chosen.jobs) as pool:
        verdicts = pool.map(lambda mutant: noticed_by(mutant, chosen.seconds, chosen.only), every)
        for number, (mutant, noticed) in enumerate(zip(every, verdicts, strict=True), 1):
            print(f"{number} of {len(every)}, {survivors} survivors", end="\r", file=sys.stderr, flush=True)
            if noticed is not None and len(noticed) < ENOUGH:
                survivors += 1
                place = f"{mutant.file.relative_to(ROOT)}:{mutant.line}"
                told = f"{mutant.was}  →  {mutant.now}; noticed by {', '.join(noticed) or 'nobody'}"
                print(f"[{number}/{len(every)}] {place}: {told}", flush=True)
    print(f"{len(every)} mutants, {len(every) - survivors} noticed by {ENOUGH} tests or more, {survivors} survivors")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
