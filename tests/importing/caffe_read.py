"""A Caffe network is written to a file and read, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from archscope import Analysis, UsageError, analyze
from archscope.opening import open_network


def read(text: str, folder: Path, **said: object) -> Analysis:
    path = folder / "net.prototxt"
    path.write_text(text, encoding="utf-8")
    return analyze(open_network(path, **said))  # type: ignore[arg-type]


def refused(text: str, folder: Path, **said: object) -> str:
    with pytest.raises(UsageError) as caught:
        read(text, folder, **said)
    return str(caught.value)
