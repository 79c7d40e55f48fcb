"""Every check of the project, by name: ``python tasks.py`` runs them all, ``python tasks.py test types`` some.

A name may be followed by arguments of its own after ``--``: ``python tasks.py test -- tests/cli -k pipe``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PYTHON: Final = sys.executable
_BIN: Final = Path(sys.executable).parent

CHECKS: Final = {
    "lint": [[_PYTHON, "-m", "ruff", "check", "."]],
    "format": [[_PYTHON, "-m", "ruff", "format", "--check", "."]],
    "types": [[_PYTHON, "-m", "mypy"]],
    "imports": [[str(_BIN / "lint-imports")]],
    "docs": [[_PYTHON, "-m", "tools.pages", "--check"], [_PYTHON, "-m", "mkdocs", "build", "--strict", "--quiet"]],
    "test": [[_PYTHON, "-m", "pytest", "-n", "auto", "--dist", "worksteal"]],
}
"""What has to pass before a change lands, the quick ones first."""

CHORES: Final = {
    "fix": [[_PYTHON, "-m", "ruff", "check", "--fix", "."], [_PYTHON, "-m", "ruff", "format", "."]],
    "golden": [[_PYTHON, "-m", "tests.golden"]],
    "pages": [[_PYTHON, "-m", "tools.pages"]],
    "schema": [[_PYTHON, "-m", "archscope", "schema", "-o", "specs/archscope.schema.json"]],
    "every": [[_PYTHON, "-m", "pytest", "-n", "auto", "--dist", "worksteal", "--every"]],
    "index": [[_PYTHON, "-m", "tools.index"]],
    "memory": [[_PYTHON, "-m", "tests.memory.bars"]],
    "bench": [[_PYTHON, "-m", "benchmarks"]],
}
"""What changes files, or takes long: only by name."""


def main(arguments: Sequence[str]) -> int:
    """Run the named tasks in order, stop at none, and fail if one failed."""
    names, extra = _split(arguments)
    tasks = {**CHECKS, **CHORES}
    unknown = [name for name in names if name not in tasks]
    if unknown:
        print(f"no task `{unknown[0]}`; tasks: {', '.join(tasks)}", file=sys.stderr)
        return 2
    failed = [name for name in names or CHECKS if not _succeeds(name, tasks[name], extra)]
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    given = list(arguments)
    at = given.index("--") if "--" in given else len(given)
    return given[:at], given[at + 1 :]


def _succeeds(name: str, commands: Sequence[Sequence[str]], extra: Sequence[str]) -> bool:
    for command in commands:
        shown = " ".join([Path(command[0]).name, *command[1:], *extra])
        print(f"── {name}: {shown}", flush=True)
        start = time.monotonic()
        status = subprocess.run([*command, *extra], cwd=Path(__file__).parent, env=os.environ, check=False).returncode
        print(f"── {name}: {'ok' if status == 0 else f'exit {status}'} in {time.monotonic() - start:.0f} s", flush=True)
        if status:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
