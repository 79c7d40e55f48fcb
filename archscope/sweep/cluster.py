"""`Cluster`: a Dask cluster that works chunks out, one on this machine or one that is there already.

Dask decides who works on what, notices workers that go away, and has their chunks done again by others. Here stand
only a window of chunks that are under way, so that memory does not grow with the sweep, and their order: a chunk is
handed on when all before it have been, so that no row is lost or doubled whatever becomes of the workers.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from archscope import __version__
from archscope.errors import ArchscopeError, MissingExtra, UsageError
from archscope.sweep.plan import Plan
from archscope.sweep.running import Chunk, work

AHEAD: Final = 4
"""Chunks under way for each worker: one that is worked on, and more for when it is done."""
TICK: Final = 0.5
TIMEOUT = 10.0
"""Seconds in which a scheduler has to answer."""
PATIENCE: Final = 30.0
"""Seconds without any worker, or without the scheduler, after which a sweep gives up."""

_LOST: Final = ("CancelledError", "FutureCancelledError", "CommClosedError", "ClosedClientError")


class ClusterGone(ArchscopeError):
    """The scheduler or all of its workers are not there, or not any more."""

    exit_code = 3


def require_dask() -> None:
    """Insist on a Dask that can be imported.

    Raises:
        MissingExtra: it is not installed, or fails where it is imported.
    """
    for name in ("dask", "distributed"):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - half an installation fails with anything
            gone = isinstance(error, ModuleNotFoundError) and error.name == name
            why = "" if gone else f", which cannot be imported here ({type(error).__name__}: {error})"
            raise MissingExtra("a sweep on several cores", f"Dask{why}", "sweep") from None


def _chunk(plan: Plan, start: int, stop: int) -> tuple[str, str]:
    """What a worker is asked: the version it has, and the rows."""
    return __version__, work(plan, start, stop)


class Cluster:
    """Workers of a scheduler, as an engine of a sweep.

    Args:
        client: connected to the scheduler.
        name: what messages call the scheduler.
        patience: seconds without any worker after which it gives up.
    """

    def __init__(self, client: Any, name: str, patience: float = PATIENCE) -> None:
        self.client, self.name, self.patience = client, name, patience
        self._seen = self._looked = time.monotonic()
        self._there: Mapping[str, Any] = self.client.scheduler_info(n_workers=-1)["workers"]

    @property
    def workers(self) -> int:
        """Threads that work."""
        threads = [int(each["nthreads"]) for each in self.there().values()]
        return max(1, sum(threads))

    def there(self) -> Mapping[str, Any]:
        """The workers by address, as the scheduler has told this second."""
        now = time.monotonic()
        if now - self._looked > TICK:
            self._looked = now
            self._there = self.client.scheduler_info(n_workers=-1)["workers"]
        return self._there

    def texts(self, plan: Plan, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, str] | None]:
        """The rows of each chunk as lines, in the order of the chunks; None where time passes meanwhile.

        Raises:
            ClusterGone: the scheduler or every worker is gone.
            UsageError: a worker has another version of archscope.
        """
        return self.results(chunks, lambda chunk: self.client.submit(_chunk, plan.part(*chunk), *chunk, pure=False))

    def results(self, chunks: Iterable[Chunk], submit: Callable[[Chunk], Any]) -> Iterator[tuple[Chunk, str] | None]:
        """As `texts`, for whatever a chunk is submitted as."""
        left = iter(chunks)
        under_way: deque[tuple[Chunk, Any]] = deque()
        try:
            while True:
                with self._said():
                    while len(under_way) < AHEAD * self.workers and (chunk := next(left, None)) is not None:
                        under_way.append((chunk, submit(chunk)))
                if not under_way:
                    return
                version, text = yield from self._waited(under_way[0][1])
                check_versions({self.name: version})
                yield under_way.popleft()[0], text
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                self.client.cancel([future for _, future in under_way])

    def _waited(self, future: Any) -> Any:
        """A result, when it is there; None is yielded as time passes."""
        # A short timeout of the result itself is a race in distributed: cancelled in time it comes back as a failure.
        ready = threading.Event()
        future.add_done_callback(lambda _: ready.set())
        self._seen = time.monotonic()
        while True:
            while not ready.wait(TICK):
                with self._said():
                    self._look()
                yield None
            with self._said():
                try:
                    return future.result(timeout=TIMEOUT)
                except TimeoutError:
                    # Done, and lost with the worker that held it before it came: Dask has it done again by another.
                    if future.status == "error":
                        raise
                    self._look()
            yield None

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Whatever Dask fails with ends the sweep in one line."""
        try:
            yield
        except ArchscopeError:
            raise
        except Exception as error:  # noqa: BLE001 - Dask's own are of many kinds
            raise ClusterGone(self._why(error)) from None

    def _look(self) -> None:
        """See whether anybody is working."""
        now = time.monotonic()
        if self.client.status == "running" and self.there():
            self._seen = now
        elif now - self._seen > self.patience:
            gone = "has no workers any more" if self.client.status == "running" else "does not answer any more"
            raise ClusterGone(f"{self.name} {gone}")

    def _why(self, error: Exception) -> str:
        kind = type(error).__name__
        if kind == "KilledWorker":
            return f"{self.name}: the workers die of the same networks again and again; give them more memory"
        if self.client.status != "running" or kind in _LOST:
            return f"{self.name} does not answer any more"
        return f"{self.name}: a worker failed with {kind}: {str(error).partition(chr(10))[0]}"


def check_versions(versions: Mapping[str, str]) -> None:
    """Insist on workers that count as this program does.

    Raises:
        UsageError: one has another version.
        ClusterGone: one has no archscope at all.
    """
    for name, version in versions.items():
        if not version:
            raise ClusterGone(f"the worker {name} has no archscope; install archscope {__version__} there")
        if version != __version__:
            raise UsageError(f"the worker {name} has archscope {version}, and this is {__version__}; install the same "
                             "version there")  # fmt: skip


@contextlib.contextmanager
def local(workers: int | None = None) -> Iterator[Cluster]:
    """A cluster of this machine's cores, one process each, gone when it is left.

    Raises:
        MissingExtra: Dask is not installed.
    """
    require_dask()
    _quiet()
    distributed: Any = importlib.import_module("distributed")

    with (
        distributed.LocalCluster(
            n_workers=workers or cores(), threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield Cluster(client, "the cluster of this machine")


@contextlib.contextmanager
def existing(address: str) -> Iterator[Cluster]:
    """A cluster that is there already, by the address of its scheduler; it stays when it is left.

    Raises:
        MissingExtra: Dask is not installed.
        UsageError: that is no address, or a worker has another version of archscope.
        ClusterGone: nobody answers there, or there are no workers.
    """
    require_dask()
    if "://" not in address and not address.rpartition(":")[2].isdecimal():
        raise UsageError(f"`--scheduler {address}` is no address; write it as `tcp://host:8786`")
    _quiet()
    distributed: Any = importlib.import_module("distributed")
    try:
        client = distributed.Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        if isinstance(error, OSError):
            raise ClusterGone(f"no scheduler answers at {address}; start one with `dask scheduler`") from None
        raise UsageError(f"`--scheduler {address}` is no address; write it as `tcp://host:8786`") from None
    try:
        found = Cluster(client, address)
        if not found.there():
            raise ClusterGone(f"the scheduler {address} has no workers; start some with `dask worker {address}`")
        check_versions(client.run(_asks_version()))
        yield found
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=2)


def _asks_version() -> Callable[[], str]:
    """A function that workers without archscope run too: it travels by value."""

    def version() -> str:
        try:
            import archscope
        except ImportError:
            return ""
        return archscope.__version__

    version.__module__ = "__main__"
    return version


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quiet() -> None:
    """What Dask logs is for who runs a cluster; who runs a sweep is told in one line."""
    import dask

    dask.config.set({"logging.distributed": "critical", "distributed.logging.distributed": "critical"})
    for name in ("distributed", "distributed.client", "distributed.worker", "distributed.nanny", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
