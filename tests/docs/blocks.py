"""Run what a page shows: its Python, its commands, its specs.

A fenced block is one of

* ``python``: executed; the blocks of a page share their names, as the cells of a notebook do. What it prints
  stands in a ``text`` block titled "Output" right below it, and a block without one prints nothing; below "Output of
  one run" any number stands for any other. With a title it is written to a file of that name first;
* ``pycon``: a session, run as a doctest with the same names;
* ``console``: commands after ``$`` (continued after ``>``) with the output that follows; run by bash in the page's
  own empty folder, or, where a command is `archscope` and nothing of the shell's, in this process. A status other
  than 0 is a failure: a page that wants to show one says ``; echo $?``;
* ``yaml``, ``json``, ``toml``: must be valid; with a title it is written to a file of that name, a spec is read and
  a layer's options are checked;
* ``text``: a picture in letters, or the output of the block above.

``...`` in expected output stands for anything. ``pip install`` is not run but checked against the extras that
``pyproject.toml`` declares.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

import archscope
from archscope.cli import main
from archscope.layers import TYPES
from tests.patience import PATIENCE

ROOT = Path(archscope.__file__).parents[1]
FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,})(?P<language>[\w-]*)(?P<rest>[^`]*)$")
TITLE = re.compile(r'title="([^"]+)"')
CHECKER = doctest.OutputChecker()


@dataclass
class Block:
    language: str
    title: str | None
    text: str
    line: int


def read_page(path: Path) -> tuple[dict[str, Any], list[Block]]:
    """The front matter of a page and its fenced blocks."""
    text = path.read_text(encoding="utf-8")
    front: dict[str, Any] = {}
    if text.startswith("---\n"):
        front = yaml.safe_load(text[4 : text.index("\n---\n", 4)])
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    body: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if opened is None:
            opened = FENCE.match(line)
            body, start = [], number
        elif line.strip() == opened["marks"]:
            indent = len(opened["indent"])
            title = TITLE.search(opened["rest"])
            content = "".join(f"{each[indent:]}\n" for each in body)
            blocks.append(Block(opened["language"], title and title[1], content, start))
            opened = None
        else:
            body.append(line)
    assert opened is None, f"{path}:{start}: the block is never closed"
    return front, blocks


class Runner:
    """Runs the blocks of one page in order, in one folder, with one set of names."""

    def __init__(self, page: Path, folder: Path, environment: dict[str, str]) -> None:
        self.page = page
        self.folder = folder
        self.environment = environment
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, blocks: list[Block]) -> None:
        for position, block in enumerate(blocks):
            after = blocks[position + 1] if position + 1 < len(blocks) else None
            match block.language:
                case "python":
                    shown = output_below(after)
                    self._python(block, shown)
                case "pycon":
                    self._session(block)
                case "console":
                    self._console(block)
                case "yaml":
                    self._yaml(block)
                case "json":
                    json.loads(block.text)
                    if block.title is not None:
                        (self.folder / block.title).write_text(block.text, encoding="utf-8")
                case "toml":
                    tomllib.loads(block.text)
                    if block.title is not None:
                        (self.folder / block.title).write_text(block.text, encoding="utf-8")
                case "prototxt":
                    assert block.title is not None
                    (self.folder / block.title).write_text(block.text, encoding="utf-8")
                case "text":
                    pass
                case other:
                    raise AssertionError(f"{self._place(block)}: no rule for a block of {other or 'no language'}")

    def _place(self, block: Block) -> str:
        return f"{self.page.relative_to(ROOT)}:{block.line}"

    def _python(self, block: Block, shown: str) -> None:
        if block.title is not None:
            (self.folder / block.title).write_text(block.text, encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * block.line + block.text, str(self.page), "exec"), self.names)
        self._compare(block, shown, printed.getvalue())

    def _session(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(block.text, self.names, str(self.page), str(self.page), block.line)
        report: list[str] = []
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=report.append, clear_globs=False)
        self.names.update(test.globs)
        assert not report, "".join(report)

    def _console(self, block: Block) -> None:
        for command, expected in commands(block.text):
            if command.startswith("pip install"):
                check_install(command)
                continue
            status, printed = self._here(command) if is_plain(command) else self._in_a_shell(command)
            assert status == 0, f"{self._place(block)}: {command}\n{printed}"
            self._compare(block, expected, printed)

    def _in_a_shell(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout

    def _here(self, command: str) -> tuple[int, str]:
        """What a process of its own would do, without the seconds that it would import PyTorch for."""
        printed = io.StringIO()
        with (
            mock.patch.dict("os.environ", self.environment, clear=True),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            forgetting(self.folder),
        ):
            status = main(shlex.split(command)[1:])
        return status, printed.getvalue()

    def _yaml(self, block: Block) -> None:
        if block.title is not None:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        written = yaml.safe_load(block.text)
        if block.title is None and isinstance(written, dict) and "layers" in written:
            for member in written.get("variants") or (None,):
                archscope.read(block.text, variant=member)
        elif isinstance(written, dict) and all(isinstance(each, dict) and "type" in each for each in written.values()):
            for layer in written.values():
                kind = TYPES[layer["type"]]
                kind(**{name: value for name, value in layer.items() if name in kind.options})

    def _compare(self, block: Block, expected: str, got: str) -> None:
        wanted, had = tidy(expected), tidy(got)
        if not expected.strip() and not got.strip():
            return
        assert CHECKER.check_output(wanted, had, doctest.ELLIPSIS), (
            f"{self._place(block)} shows\n{wanted}\nbut the output is\n{had}"
        )


def output_below(block: Block | None) -> str:
    """What a Python block prints according to the block below it."""
    if block is None or block.language != "text":
        return ""
    match block.title:
        case "Output":
            return block.text
        case "Output of one run":
            return re.sub(r"[-+]?\d[\d.,]*", "...", block.text)
        case _:
            return ""


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with its output."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0].append(line[2:])
        else:
            assert found, f"a console block begins with `$ `, not with {line!r}"
            found[-1][1].append(line)
    return [("\n".join(command), "\n".join(output) + "\n") for command, output in found]


def is_plain(command: str) -> bool:
    """Whether a command is `archscope` and its arguments, with nothing that a shell would have to do."""
    return command.startswith("archscope ") and not re.search(r"[|&;<>$`*?~#(){}\\\n]", command)


@contextlib.contextmanager
def forgetting(folder: Path) -> Iterator[None]:
    """Modules of a folder are imported as they are written there now, and forgotten afterwards."""

    def forget() -> None:
        for name, module in [*sys.modules.items()]:
            if Path(getattr(module, "__file__", None) or "/").is_relative_to(folder):
                del sys.modules[name]
        importlib.invalidate_caches()

    forget()
    with mock.patch.object(sys, "path", [str(folder), *sys.path]), mock.patch.object(sys, "dont_write_bytecode", True):
        yield
    forget()


def check_install(command: str) -> None:
    """A `pip install` names this package and extras that it has."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = re.fullmatch(r"pip install (?:'\.\[([\w,]+)\]'|\.)", command)
    assert named, f"cannot check `{command}`"
    for extra in (named[1] or "").split(","):
        assert not extra or extra in declared, f"there is no extra `{extra}`"


def tidy(output: str) -> str:
    """Output without the blanks at the ends of lines and without blank lines around it."""
    return "\n".join(line.rstrip() for line in output.strip("\n").splitlines()) + "\n"
