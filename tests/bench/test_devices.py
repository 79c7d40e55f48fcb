"""A device that is asked for is found, or its absence is explained in one line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from archscope import UsageError
from archscope.bench.devices import NoDevice, find_device


def pytorch(*, cuda: str | None, gpus: int = 0, driver: bool = True, mps: bool = False) -> SimpleNamespace:
    """As much of PyTorch as says which devices there are."""
    return SimpleNamespace(
        __version__="2.13.0",
        version=SimpleNamespace(cuda=cuda, hip=None),
        cuda=SimpleNamespace(
            is_available=lambda: cuda is not None and driver and gpus > 0,
            device_count=lambda: gpus,
            current_device=lambda: 0,
            get_device_name=lambda index: f"GPU number {index}",
        ),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        device=lambda kind, index=None: f"{kind}:{index}" if index is not None else kind,
    )


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (pytorch(cuda="12.8", gpus=2), "cuda:0"),
        (pytorch(cuda=None, mps=True), "mps"),
        (pytorch(cuda="12.8", gpus=1, driver=False), "cpu"),
        (pytorch(cuda=None), "cpu"),
    ],
)
def test_auto_takes_the_first_there_is(there: SimpleNamespace, found: str) -> None:
    assert find_device(there, "auto") == found


@pytest.mark.parametrize(
    ("there", "name", "message"),
    [
        (pytorch(cuda=None), "cuda", "PyTorch 2.13.0 is built without CUDA; install a CUDA build"),
        (pytorch(cuda="12.8", driver=False), "cuda", "built for CUDA 12.8 but finds no working NVIDIA driver"),
        (pytorch(cuda="12.8", gpus=2), "cuda:5", r"there is cuda:0 \(GPU number 0\), cuda:1 \(GPU number 1\)"),
        (pytorch(cuda=None), "mps", "finds no Apple GPU"),
    ],
)
def test_a_device_that_is_not_there_is_explained_and_nothing_falls_back(
    there: SimpleNamespace, name: str, message: str
) -> None:
    with pytest.raises(NoDevice, match=message) as caught:
        find_device(there, name)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_what_is_no_name_of_a_device_is_a_mistake(name: str) -> None:
    with pytest.raises(UsageError, match="no device is called"):
        find_device(pytorch(cuda=None), name)
