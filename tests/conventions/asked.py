"""The real tools, asked on the spot about a module: what each prints as its total."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

import archscope
from tests.conventions.cases import layers, modules


class Called(nn.Module):
    """A module whose inputs may come under one name, and that holds a value: some tools need that."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.held = nn.Parameter(torch.zeros(1))

    def forward(self, *inputs: torch.Tensor, given: Sequence[torch.Tensor] = ()) -> Any:
        return self.inner(*inputs, *given)


def inputs_of(network: archscope.Network) -> list[torch.Tensor]:
    """One sample of zeros for each input."""
    return [
        torch.zeros(1, *(int(extent) for extent in shape), dtype=torch.long if name in network.tokens else None)
        for name, shape in network.inputs.items()
    ]


@contextlib.contextmanager
def functions_put_back() -> Iterator[None]:
    """Some tools put functions of their own into PyTorch, and leave them there where a module fails."""
    places = [torch, torch.nn.functional, torch.Tensor]
    kept = [{name: value for name, value in vars(place).items() if callable(value)} for place in places]
    try:
        yield
    finally:
        for place, before in zip(places, kept, strict=True):
            for name, value in before.items():
                if vars(place).get(name) is not value:
                    setattr(place, name, value)


def _torchinfo(module: nn.Module, given: list[torch.Tensor]) -> int:
    import torchinfo

    return int(torchinfo.summary(module, input_data=given, verbose=0).total_mult_adds)


def _fvcore(module: nn.Module, given: list[torch.Tensor]) -> int:
    from fvcore.nn import FlopCountAnalysis

    asked = FlopCountAnalysis(module, tuple(given)).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(asked.tracer_warnings("none").total())


def _thop(module: nn.Module, given: list[torch.Tensor]) -> int:
    thop = importlib.import_module("thop")
    return int(thop.profile(module, inputs=tuple(given), verbose=False)[0])


def _ptflops(module: nn.Module, given: list[torch.Tensor]) -> int:
    ptflops = importlib.import_module("ptflops")
    found = ptflops.get_model_complexity_info(
        Called(module).eval(), (1,), as_strings=False, print_per_layer_stat=False, backend="pytorch",
        input_constructor=lambda _: {"given": given},
    )  # fmt: skip
    return int(found[0])


def _calflops(module: nn.Module, given: list[torch.Tensor]) -> int:
    calflops = importlib.import_module("calflops")
    found = calflops.calculate_flops(Called(module).eval(), args=given, print_results=False, output_as_string=False)
    return int(found[0])


def _deepspeed(module: nn.Module, given: list[torch.Tensor]) -> int:
    profiler = importlib.import_module("deepspeed.profiling.flops_profiler")
    found = profiler.get_model_profile(Called(module).eval(), args=given, print_profile=False, as_string=False)
    return int(found[0])


_TOOLS: dict[str, Callable[[nn.Module, list[torch.Tensor]], int]] = {
    "torchinfo": _torchinfo, "fvcore": _fvcore, "thop": _thop, "ptflops": _ptflops, "calflops": _calflops,
    "deepspeed": _deepspeed,
}  # fmt: skip

NETWORKS = (
    "lenet5-pytorch", "lenet5-keras", "lenet5", "resnet-cifar@20", "nin@cifar10", "autoencoder@mnist",
    "squeezenet@1.1", "shufflenet-v2@0.5", "mobilenet-v1@0.25-128", "mobilenet-v3@small", "dcgan@generator",
)  # fmt: skip
"""Networks that are small enough to be run by every tool."""

NEEDS = {"calflops": ("calflops", "accelerate")}
"""What a tool imports beside itself that may be missing."""

HERE = [tool for tool in _TOOLS if all(find_spec(each) for each in NEEDS.get(tool, (tool,)))]
"""Those that are installed."""


def ask(tool: str, network: archscope.Network, module: nn.Module | None = None) -> int:
    """What a tool prints of a network as it is built, or of a module in its place, for one sample at inference."""
    module = archscope.build(network).eval() if module is None else module
    with functions_put_back(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return _TOOLS[tool](module, inputs_of(network))


def record() -> dict[str, Any]:
    """What DeepSpeed prints of every layer, of PyTorch's own modules and of networks, where somebody installed it."""
    return {
        "versions": {name: version(name) for name in ("torch", "deepspeed")},
        "layers": {name: ask("deepspeed", network) for name, network in layers()},
        "modules": {name: ask("deepspeed", network, module.eval()) for name, network, module in modules()},
        "networks": {name: ask("deepspeed", archscope.load(name)) for name in NETWORKS},
    }


if __name__ == "__main__":  # python -m tests.conventions.asked > tests/conventions/recorded.json
    print(json.dumps(record(), indent=0))
