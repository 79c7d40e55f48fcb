"""`sampled`: of laws that hold for hundreds of cases, the cases that one run of the tests tries.

``python tasks.py every`` tries them all. Which cases a run tries depends on their names alone: it is the same in every
process and for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeVar
from zlib import crc32

ONE_IN: Final[Mapping[str, int]] = {
    "building/test_build.py": 2,
    "conventions/test_count.py": 2,
    "diagrams/graph/test_picture.py": 4,
    "diagrams/test_figures.py": 3,
    "diagrams/test_fit.py": 3,
    "diagrams/test_numbers.py": 2,
    "diagrams/test_ranks.py": 4,
    "diagrams/test_sizes.py": 5,
    "diagrams/test_unrolled.py": 3,
    "diagrams/test_volumes.py": 3,
    "diagrams/test_writers.py": 2,
    "importing/test_doors.py": 2,
    "importing/test_every_type.py": 2,
    "importing/test_keras_law.py": 4,
    "importing/test_lineage.py": 2,
    "importing/test_museum_jax.py": 4,
    "importing/test_museum_keras.py": 4,
    "importing/test_museum_pytorch.py": 3,
    "importing/test_onnx_attention.py": 2,
    "memory/test_again.py": 2,
    "memory/test_attention.py": 4,
    "memory/test_constants.py": 3,
    "memory/test_fused.py": 3,
    "memory/test_growing.py": 3,
    "memory/test_held.py": 4,
    "memory/test_least.py": 3,
    "memory/test_modules.py": 3,
    "memory/test_numbers_made.py": 3,
    "memory/test_once.py": 3,
    "memory/test_orders.py": 4,
    "memory/test_padding_masks.py": 4,
    "memory/test_turned.py": 4,
    "memory/test_weighing.py": 3,
    "memory/test_witness.py": 5,
    "memory/test_witness_autocast.py": 4,
    "memory/test_written.py": 3,
    "oracles/test_comparison.py": 5,
    "oracles/test_witnesses.py": 3,
    "reading_back/test_every_format.py": 5,
    "test_escaping.py": 4,
    "test_limits.py": 3,
    "tracing/test_accounting.py": 2,
    "tracing/test_common.py": 4,
    "tracing/test_configs.py": 2,
    "tracing/test_conservation.py": 2,
    "tracing/test_gradients_asked.py": 3,
    "tracing/test_made_again.py": 5,
    "writing/test_folding.py": 2,
    "writing/test_source.py": 5,
    "writing/test_stating.py": 2,
}
"""Of each file under ``tests`` whose cases are many and of one kind, one in how many of its cases is tried."""


class Case(Protocol):
    """A test as pytest collects it: its name within the tests, and the function that it is a case of."""

    nodeid: str
    originalname: str


_Case = TypeVar("_Case", bound=Case)


def sampled(cases: Iterable[_Case]) -> Iterator[_Case]:
    """The cases that are tried: all of most files; of the others the first of each function, and one in so many."""
    seen = set[tuple[str, str]]()
    for case in cases:
        file = case.nodeid.partition("::")[0].removeprefix("tests/")
        function = file, getattr(case, "originalname", case.nodeid)
        if function not in seen or crc32(case.nodeid.encode()) % ONE_IN.get(file, 1) == 0:
            yield case
        seen.add(function)
