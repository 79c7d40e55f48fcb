"""`Series`: the steps of a layer, one after the other, and what stands for some of them as their tensors are."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.layers.steps import Step
from archscope.memory.autocast import CAST, SAME_TYPE, Casting, already, mixed
from archscope.memory.stepping import PLACES_FOR_GRADIENTS, Operations, fits
from archscope.memory.values import Ran, Value
from archscope.working import product


class Series:
    """Runs steps, and writes down what the backward pass finds.

    Attributes:
        tape: what the backward pass finds, the last first.
        recording: whether anything is kept for it.
        not_covered: layers that no rule describes, and why.

    Args:
        operations: what runs.
        casting: what autocast does.
        recording: whether anything is kept from the beginning.
    """

    def __init__(self, operations: Operations, casting: Casting, *, recording: bool) -> None:
        self.tape: list[Ran] = []
        self.recording = recording
        self.not_covered: dict[str, str] = {}
        self._operations, self._casting = operations, casting

    def run(self, called: str, steps: list[Step], local: dict[str, Value], given: set[str]) -> None:
        """Run the steps of a layer one after the other; let go what none of the later ones reads and is not given."""
        last = {name: number for number, step in enumerate(steps) for name in (*step.reads, *step.reads_too)}
        held = {name for name in local if name not in given}  # what steps have made
        due: dict[int, list[str]] = {0: [name for name in held if name not in last]}
        for name, number in last.items():
            due.setdefault(number, []).append(name)
        for number, step in enumerate(steps):
            instead = self._instead(step, local)
            if instead is not None:
                self.run(called, [*instead, *steps[number + 1 :]], local, given)
                return
            if step.op in SAME_TYPE and mixed(step, local):
                why = f"does not run a {SAME_TYPE[step.op]} whose inputs are of another type than its weights"
                self.not_covered.setdefault(called, f"PyTorch's autocast {why}")
            ran, runs = None, not step.needed_for or local[step.needed_for].grad
            if not runs:
                pass
            elif step.same or already(step, local):
                local[step.makes[0].name] = self._operations.name(local[step.reads[0]])
            else:
                ran = self._operations.run(called, step, local, recording=self.recording)
            if ran is not None:
                self.tape.append(ran)
            if step.op == CAST:
                self._casting.remember(local[step.reads[0]], local[step.makes[0].name])
            made = [each.name for each in step.makes if runs and each.name not in given]
            held.update(made)
            for name in (*due.get(number, ()), *made):
                if name in held and last.get(name, -1) <= number:
                    held.remove(name)
                    self._operations.let_go(local.pop(name))

    def _instead(self, step: Step, local: dict[str, Value]) -> Sequence[Step] | None:
        """What runs instead of a step, as its tensors are."""
        cast_ = self._casting.of(step, local)
        if cast_ is not None:
            return cast_
        if step.parts:
            return step.parts
        if step.op in PLACES_FOR_GRADIENTS and len(step.makes) > 1 and not self._operations.as_tracked:
            grad = self.recording and local[step.reads[0]].grad
            return None if grad else (step.replace(makes=step.makes[:1]),)
        if step.unlined and not fits(step, local) and not self._casting.for_each_sample(step, local):
            return _as_it_lies(step) if self._for_each(step, local) else step.unlined
        learned: Sequence[Step] = step.learned[1] if step.learned and local[step.learned[0]].grad else ()
        return learned or None

    @staticmethod
    def _for_each(step: Step, local: dict[str, Value]) -> bool:
        """Whether a product with a matrix is one for each sample, and none of all rows.

        PyTorch puts rows together that do not lie so, and copies them, for the sake of a matrix that is trained.
        """
        if step.op != "linear" or local[step.reads[1]].leaf or local[step.reads[1]].grad:
            return False
        layout = local[step.reads[0]].layout
        return len(layout.shape) > 2 and layout.seen_as((product(layout.shape[:-2]), *layout.shape[-2:])) is not None


def _as_it_lies(step: Step) -> tuple[Step, ...]:
    """What runs for a dense layer without a copy of what it reads."""
    _, product_, *adds = step.unlined
    read = step.reads[0]
    return (product_.replace(reads=(read, *product_.reads[1:]), saves=(read,), rows=False), *adds)
