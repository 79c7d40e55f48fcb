"""Where a network was read from, as its page says it: what a file is called and never where it lies, no time."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from archscope.network import Network
from archscope.reader.library import specs_folder

_VERSION: Final = re.compile(r"\d[\w.+!-]{0,39}")
_FACTORY: Final = re.compile(r"[\w.]+:[\w.]+")


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
    factory = network.path.partition("@")[0]
    if network.observed.origin or _FACTORY.fullmatch(factory) is None:
        return ""
    return f"Read from {factory}{_version(factory)}: a module of PyTorch."


def _last(path: str) -> str:
    """What a file is called, without the folders it lies in."""
    return re.split(r"[/\\]", path)[-1]


def _version(factory: str) -> str:
    """The version of the package that a factory is from, as it says it itself."""
    package = factory.partition(":")[0].partition(".")[0]
    said = getattr(sys.modules.get(package), "__version__", None)
    return f" of {package} {said}" if isinstance(said, str) and _VERSION.fullmatch(said) else ""
