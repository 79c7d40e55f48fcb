"""What PyTorch runs for normalization of each sample by itself: batch normalization, its weights repeated."""

from __future__ import annotations

from archscope.layers.facts import Facts
from archscope.layers.steps import Made, Step


def by_sample(facts: Facts, *, training: bool) -> tuple[Step, ...]:
    """Batch normalization of every map of every sample as a channel of its own."""
    channels = facts.inputs[0][:1]
    names = [weight.name for weight in facts.weights]
    repeated = [f"{name} of all" for name in names]
    learned = tuple(f"{name} of all" for name in ("weight", "bias") if name in names)
    running = tuple(f"{name} of all" for name in ("running_mean", "running_var") if name in names)
    held = repeated[0] if repeated else ""
    made = tuple(Made(name, channels, typed=held) for name in ("mean", "deviation") if training or not running)
    saves = ("lined", *learned[:1], *running, *(each.name for each in made))
    steps = [Step("repeat", (name,), (Made(each, channels),)) for name, each in zip(names, repeated, strict=True)]
    steps += [
        Step("contiguous", ("input",), (Made("lined", ()),), views=True, lined=True),
        Step("batch_norm", ("lined", *learned), (Made("rows", facts.output), *made), saves, reads_too=running),
        Step("view", ("rows",), (Made("output", facts.output),), views=True),
    ]
    if running and training:
        mean = Made("mean of samples", channels, each=False)
        steps += [Step("mean", (), (mean,), reads_too=running) for _ in running]
    steps[-1] = steps[-1].replace(reads_too=(*steps[-1].reads_too, *learned))
    return tuple(steps)
