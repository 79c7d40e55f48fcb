"""Which cases of a law are tried does not depend on who tries them, and every function is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.sampling import ONE_IN, sampled


@dataclass(frozen=True)
class Collected:
    nodeid: str
    originalname: str


def _cases(file: str, functions: int, each: int) -> list[Collected]:
    return [Collected(f"tests/{file}::test_{function}[{case}]", f"test_{function}")
            for function in range(functions) for case in range(each)]  # fmt: skip


def test_every_file_that_is_sampled_is_there() -> None:
    assert [name for name in ONE_IN if not (Path(__file__).parent / name).is_file()] == []
    assert min(ONE_IN.values()) > 1


def test_a_file_that_is_not_sampled_is_tried_whole() -> None:
    cases = _cases("test_lenet5.py", 3, 50)
    assert [*sampled(cases)] == cases


def test_one_in_so_many_is_tried_and_the_first_of_each_function() -> None:
    file, many = next(iter(ONE_IN.items()))
    found = [*sampled(cases := _cases(file, 20, 100))]
    assert {case.originalname for case in found} == {case.originalname for case in cases}
    assert {*cases[::100]} <= {*found}
    assert 0.8 * len(cases) / many < len(found) < 1.2 * len(cases) / many + 20
    assert [*sampled(cases)] == found
