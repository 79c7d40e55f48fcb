"""Requests as people write them with something wrong in them: costs, counts, budgets, differences, pupils' answers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from tools.fuzz import specs
from tools.fuzz.mutating import mutated
from tools.fuzz.watching import wrong_with_command

_ASKED: Final = (
    "memory lenet5 --batch 64 --optimizer adam --foreach --dtype bf16",
    "memory lenet5-pytorch --batch 16 --optimizer sgd --fits 24GiB --format json",
    "memory gpt2@small --cache 1024 --window 256 --page 16 --dtype fp16",
    "memory lenet5 --symbolic batch,height --optimizer momentum",
    "table lenet5 --symbolic batch,C1.out_channels --at batch=8,C1.out_channels=6",
    "table lenet5 --symbolic height --format json",
    "table lenet5 --depth 1 --columns output,parameters,macs",
    "explain lenet5 C3 connections --symbolic batch",
    "curve lenet5 --over batch=1..64 --quantities macs,saved_bytes",
    "curve lenet5 --over C1.out_channels=2..32 -q parameters,connections --format csv",
    "sweep lenet5 --set C1.padding=0..2 --set C1.out_channels=6,12",
    "sweep lenet5 --input 1,32..40:4,= --where parameters<80_k --front parameters,macs:most",
    "sweep lenet5 --set F6.out_features=2..64*2 -q C1.macs,peak_bytes(batch=16) --fitting --format json",
    "count lenet5-pytorch --as thop --as torchinfo --format json",
    "count dcgan@generator --as fvcore",
    "diff lenet5 lenet5-1998 --format markdown",
    "table vgg@A --input 3,64,64 --set let.classes=10",
    "list --since 2015 --task vision",
    "expand resnet@18 --set conv2.repeat=1",
)  # fmt: skip
_SIGNS: Final = (*"@=,.:*+-/()[]{}'\"<> 0149_kMxé\x1b\ud800\n", "..", "**", "1e999", "9" * 30, "nan", "batch")

_BUDGETS: Final = {
    "keep": [
        "small.macs <= 1.2e6", "small.parameters == 60_850", "small.peak_bytes(batch=16) < 4 MiB",
        "1 k < small.C3.parameters <= 2 * small.C1.connections", 'equal(small, "lenet5-keras")',
        "small.saved_bytes(batch=2, dtype=bf16) < 1 GiB",
    ],
    "networks": {"small": "lenet5", "other": {"spec": "lenet5", "input": "1,32,32", "set": ["C1.padding=2"]}},
}  # fmt: skip

_ANSWERS: Final = [
    ["worksheet", "lenet5", "sheet", "7"], ["pupil", "Ada"],
    ["layer", "output", "parameters", "connections"],
    ["C1", "6×28×28", "(5·5·1 + 1)·6", "122304"], ["S2", "6x14x14", "12", "5,880"],
    ["C3", "16 x 10 x 10", "1.516", "151 600"], ["S4", "16×5×5", "32", ""], ["total", "", "60850", "=2+3"],
]  # fmt: skip


def one(random: Random) -> str | None:
    """A request with one to three slips of the pen."""
    words = random.choice(_ASKED).split()
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(1, len(words))
        words[at] = _slip(words[at], random)
        if random.random() < 0.15:
            other = random.choice(_ASKED).split()
            words[at:at] = other[1 + random.randrange(len(other) - 1) :][:2]
    if words[0] == "sweep":
        words += ["--workers", "1"]  # eight processes are no fault, and take their time to begin
    with tempfile.TemporaryDirectory() as folder:
        # A slip may make `-o`, and then the command writes: into this folder, whose name is no word of a request.
        words = [str(Path(folder) / "out.csv") if before in ("-o", "--output") else word
                 for before, word in zip(["", *words], words, strict=False)]  # fmt: skip
        failure = wrong_with_command(words)
    return failure and f"{failure}: archscope {words}"


def _slip(word: str, random: Random) -> str:
    at = random.randrange(len(word) + 1)
    way = random.randrange(5)
    if way == 0:
        return word[:at] + random.choice(_SIGNS) + word[at:]
    if way == 1:
        return word[:at] + word[at + 1 :]
    if way == 2:
        return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    if way == 3:
        return "".join(random.choice("0123456789") if each.isdigit() else each for each in word)
    return word[:at] + random.choice(_SIGNS) + word[at + random.randint(1, 4) :]


def budgets(random: Random) -> str | None:
    """A file of budgets with changes in it, checked."""
    document = mutated(_BUDGETS, random)
    if isinstance(document, dict) and isinstance(document.get("keep"), list) and random.random() < 0.7:
        document["keep"] = [_slip(each, random) if isinstance(each, str) and random.random() < 0.3 else each
                            for each in document["keep"]]  # fmt: skip
    text = "".join(_toml(document))
    if random.random() < 0.1:
        text = _slip(text, random)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archscope.toml"
        path.write_bytes(text.encode(errors="surrogatepass" if random.random() < 0.5 else "replace"))
        format_ = random.choice(("table", "markdown", "json", "junit"))
        failure = wrong_with_command(["check", str(path), "--format", format_])
    return failure and f"{failure}: {text}"


def _toml(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield f"keep = {_value(document)}\n"
        return
    for key, value in document.items():
        yield f"{json.dumps(key)} = {_value(value)}\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value).replace("Infinity", "inf").replace("NaN", "nan")


def pairs(random: Random) -> str | None:
    """Two networks of which one or both have changes in them, held against each other."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.yaml" for name in ("a", "b")]
        document = specs.chosen(random)
        for path in paths:
            path.write_bytes(specs.written(mutated(document, random), random).encode(errors="replace"))
        asked = [str(path) for path in paths]
        if random.random() < 0.3:
            asked[random.randrange(2)] = "lenet5"
        format_ = random.choice(("text", "text", "markdown", "json", "html", "csv"))
        failure = wrong_with_command(["diff", *asked, "--format", format_])
        return failure and f"{failure}: {[path.read_text(errors='replace') for path in paths]}"


def answers(random: Random) -> str | None:
    """What a pupil handed in, with changes in it, marked."""
    rows = mutated(_ANSWERS, random)
    for _ in range(random.randrange(4)):
        row = random.choice(rows) if isinstance(rows, list) and rows else None
        if isinstance(row, list) and row:
            at = random.randrange(len(row))
            row[at] = _slip(str(row[at]), random)
    suffix, text = random.choice(((".csv", _csv), (".md", _markdown), (".ipynb", _notebook)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"ada{suffix}"
        path.write_bytes(text(rows).encode(errors="replace"))
        format_ = random.choice(("text", "markdown", "html", "csv"))
        failure = wrong_with_command(["mark", "lenet5", str(path), "--format", format_])
        return failure and f"{failure}: {path.name}: {text(rows)}"


def _cells(rows: Any) -> list[list[str]]:
    return [list(map(str, row)) if isinstance(row, list) else [str(row)] for row in (rows if rows else [])]


def _csv(rows: Any) -> str:
    return "\n".join(",".join(cell if "," not in cell else f'"{cell}"' for cell in row) for row in _cells(rows))


def _markdown(rows: Any) -> str:
    head, *lines = [f"| {' | '.join(row)} |" for row in _cells(rows)[2:]] or [""]
    return "\n".join(["# LeNet-5: worksheet", "", "Pupil: Ada", "", head, "| --- | --- | --- | --- |", *lines])


def _notebook(rows: Any) -> str:
    asked = ("output", "parameters", "connections")
    answered = {row[0]: dict(zip(asked, row[1:], strict=False)) for row in _cells(rows)[3:] if row}
    source = [f"pupil = 'Ada'\nanswers = {answered!r}\n"]
    return json.dumps({"cells": [{"cell_type": "code", "source": source}], "metadata": {}, "nbformat": 4})
