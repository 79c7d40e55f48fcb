"""A built network whose groups run again in the backward pass, as `torch.utils.checkpoint` does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from archscope.building.network import BuiltNetwork, Step


class Again(nn.Module):
    """Runs a built network, keeping of some groups of its layers only what they read.

    Args:
        model: the network.
        groups: the names of the nodes of each group, in the order in which they run.
    """

    def __init__(self, model: BuiltNetwork, groups: Sequence[Sequence[str]]) -> None:
        super().__init__()
        self.model = model
        self.groups = {group[0]: tuple(group) for group in groups}

    def example_inputs(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Inputs that it takes."""
        return self.model.example_inputs(batch)

    def forward(self, *inputs: Tensor) -> Any:
        values: dict[str, Any] = dict(zip(self.model._inputs, inputs, strict=True))
        steps = list(self.model._steps)
        place = 0
        while place < len(steps):
            names = self.groups.get(steps[place].name, ())
            run = steps[place : place + max(1, len(names))]
            if names:
                self._again(run, values)
            else:
                values[run[0].name] = self._one(run[0], values)
            for step in run:
                for name in step.done:
                    values.pop(name, None)
            place += len(run)
        results = tuple(_pick(values[name], output) for name, output in self.model._results)
        return results[0] if len(results) == 1 else results

    def _one(self, step: Step, values: dict[str, Any]) -> Any:
        return self.model._at(step.path)(*[_pick(values[name], output) for name, output in step.inputs])

    def _again(self, run: Sequence[Step], values: dict[str, Any]) -> None:
        inside = {step.name for step in run}
        outside = list(dict.fromkeys(name for step in run for name, _ in step.inputs if name not in inside))
        done = {name for step in run for name in step.done}
        left = [step.name for step in run if step.name not in done]

        def group(*given: Any) -> tuple[Any, ...]:
            local = dict(zip(outside, given, strict=True))
            for step in run:
                local[step.name] = self._one(step, local)
                for name in step.done:
                    local.pop(name, None)
            return tuple(local[name] for name in left)

        made = checkpoint(group, *(values[name] for name in outside), use_reentrant=False)
        values.update(zip(left, made, strict=True))


def _pick(value: Any, output: int) -> Any:
    return value[output] if isinstance(value, tuple) else value
