"""Requests to the command line that are wrong in every way a person or a machine has found yet."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from tools.fuzz.mutating import ODD
from tools.fuzz.watching import wrong_with_command

_COMMANDS = (
    "table",
    "explain",
    "code",
    "diagram",
    "docs",
    "bench",
    "schema",
    "list",
    "memory",
    "expand",
    "spec",
    "curve",
    "diff",
    "count",
    "check",
)
_VALUES = (
    "", " ", "-", "--", "0", "-1", "1e999", "nan", "lenet5", "lenet5/", ".", "..", "/", "/dev/null",
    "/proc/self/mem", "~", "a:b", "os:getcwd", "math:pi@1", "json:loads@3", "lenet5@3,3", "C1.padding=2",
    "C1.padding", "=", "a=b=c", "1,28,28", "1,,2", "0,1", "9" * 400, "x" * 5000, "\x1b[31m", "\udcff", "é 층",
    "{}", "[", "*", "%s", "table", "pytorch",
)  # fmt: skip
_OPTIONS = (
    "--format", "--set", "--input", "--columns", "--style", "--width", "--font-size", "--theme", "--show",
    "--depth", "--direction", "--to", "--output", "-o", "-f", "--bench", "--read", "--compare", "--plot",
    "--batch", "--dtype", "--working", "--check", "--towers", "--hardware", "--dry-run", "--ceilings",
    "--strict", "--fits", "--over", "--quantities", "--as", "--base", "--diagram",
    "--optimizer", "--task", "--since", "--kwargs", "--example",
)  # fmt: skip


def one(random: Random) -> str | None:
    """A command with arguments chosen by chance; it never measures, and writes only into a folder of its own."""
    command = random.choice(_COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        arguments = [command]
        for _ in range(random.randint(0, 4)):
            if random.random() < 0.5:
                arguments.append(random.choice(_OPTIONS))
            arguments.append(_value(random, Path(folder)))
        if command == "bench":
            arguments += ["--dry-run"]
        if command in ("docs", "diagram", "schema") or "-o" in arguments or "--output" in arguments:
            arguments = [each for each in arguments if each not in ("-o", "--output", "--plot")]
            # First, or an option at the end would take it for its value, and the command write where it stands.
            arguments[1:1] = ["-o", str(Path(folder) / random.choice(("out.svg", "no/out.svg", "", "x" * 300)))]
        if command == "docs":
            arguments.insert(1, "lenet1")
        failure = wrong_with_command([each for each in arguments if each != "--plot"])
        return failure and f"{failure}: archscope {arguments}"


def _value(random: Random, folder: Path) -> str:
    if random.random() < 0.3:
        path = folder / f"spec{random.randrange(3)}.yaml"
        path.write_bytes(f"input: {random.choice(ODD)}\nlayers: {{a: {random.choice(ODD)}}}".encode(errors="replace"))
        return str(path)
    return random.choice(_VALUES)
