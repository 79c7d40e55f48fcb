"""Where a network was read from, as its page says it: what a file is called and never where it lies, no time."""

from __future__ import annotations

import re
from pathlib import Path

from archscope.factories import factory_of
from archscope.network import Network
from archscope.reader.library import specs_folder


def kept(network: Network) -> bool:
    """Whether it is a spec that comes with archscope, and not somebody's own of the same name."""
    return network.observed is None and network.path is not None and Path(network.path).parent == specs_folder()


def origin(network: Network) -> str:
    """The sentence; empty where the page says it otherwise: the summary of a file of another tool, the name of a kept
    spec in a command; and where nobody knows.

    >>> from archscope.reader import load
    >>> origin(load("lenet5"))
    ''
    >>> origin(load("lenet5").replace(path="/home/ada/nets/mine.yaml@small"))
    'Read from mine.yaml@small: a spec.'
    """
    if network.path is None or kept(network):
        return ""
    if network.observed is None:
        return f"Read from {_last(network.path)}: a spec."
    factory = factory_of(network.path)
    return f"Read from {factory}: a module of PyTorch." if factory and not network.observed.origin else ""


def _last(path: str) -> str:
    """What a file is called, without the folders it lies in."""
    return re.split(r"[/\\]", path)[-1]
