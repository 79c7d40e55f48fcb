"""The other side of `archscope.bench.worker`: start a fresh process, ask it, notice when it dies."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

TICK: Final = 0.5


class WorkerGone(Exception):
    """The worker died or did not answer in time; ``status`` is what its cell becomes."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class Asks(Protocol):
    """Something that answers requests: a worker's process, or its stand-in."""

    def ask(self, request: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        """The answer to one request."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class WorkerProcess:
    """A fresh Python process that measures.

    Args:
        tick: called now and then while waiting for an answer, to move a progress bar.
    """

    def __init__(self, tick: Callable[[], None] = lambda: None) -> None:
        self._tick = tick
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(each for each in (root, os.environ.get("PYTHONPATH", "")) if each)
        # A session of its own: Ctrl-C is for the program that the person sees, which then ends this one.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "archscope.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        self._requests: Any = self._process.stdin
        self._answers: Any = self._process.stdout
        self._buffer = b""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(self, request: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises:
            WorkerGone: it died, or took longer than ``timeout`` seconds and was ended.
        """
        try:
            self._requests.write((json.dumps(request) + "\n").encode())
            self._requests.flush()
        except BrokenPipeError:
            raise WorkerGone("killed", self._epitaph()) from None
        answer: dict[str, Any] = json.loads(self._line(timeout))
        return answer

    def _line(self, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(min(TICK, max(0.0, end - time.monotonic()))):
                    self._tick()
                    if time.monotonic() >= end:
                        self.close()
                        raise WorkerGone("timeout", f"took longer than {timeout:g} seconds and was ended")
                    continue
                part = os.read(self._answers.fileno(), 1 << 16)
                if not part:
                    raise WorkerGone("killed", self._epitaph())
                self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _epitaph(self) -> str:
        """How the process ended, in one line."""
        code = self._process.wait(timeout=10)
        if code < 0:
            name = signal.Signals(-code).name
            why = "; the system may have run out of memory, try a smaller batch" if name == "SIGKILL" else ""
            return f"the measuring process was killed by {name}{why}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "it said nothing"
        return f"the measuring process ended with status {code}: {last}"

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._answers.close()
        with contextlib.suppress(BrokenPipeError):  # a request that was never read
            self._requests.close()
        self._errors.close()
