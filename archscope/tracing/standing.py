"""`Standing`: where in a module the code that runs stands."""

from __future__ import annotations

import threading

from torch import nn

from archscope.recognising.seen import Place
from archscope.tracing.modules import LEAVES


class Standing(threading.local):
    """Where in a module the code of a thread stands: the submodules that it is in, outermost first."""

    def __init__(self, module: nn.Module) -> None:
        self.stack: list[tuple[str, nn.Module]] = []
        self._module = module

    @property
    def module(self) -> nn.Module:
        """The submodule that runs."""
        return self.stack[-1][1] if self.stack else self._module

    @property
    def own(self) -> bool:
        """Whether that is code of its author's, and not of PyTorch's own modules."""
        return not type(self.module).__module__.startswith("torch.nn.") or isinstance(self.module, nn.Sequential)

    @property
    def path(self) -> str:
        """The path of the submodule that runs."""
        return next((path for path, _ in reversed(self.stack) if path), "")

    @property
    def here(self) -> Place:
        """Where something is that is no call of the module that runs."""
        return Place(self.path, alone=False)

    @property
    def caller(self) -> Place:
        """Where the code stands that called the module that runs, if that is one of PyTorch's own; else where it is."""
        path, module = self.stack[-1] if self.stack else ("", self._module)
        return Place(path.rpartition(".")[0], alone=False) if self._is_theirs(module) else self.here

    @property
    def place(self) -> Place:
        """Where a call of it is; a module of PyTorch's own gives its path to what it calls."""
        path, module = self.stack[-1] if self.stack else ("", self._module)
        return Place(path, self._is_theirs(module))

    @staticmethod
    def _is_theirs(module: nn.Module) -> bool:
        theirs = type(module).__module__.startswith(("torch.nn.", "archscope.building."))
        return (theirs and not [*module.children()]) or isinstance(module, LEAVES)
