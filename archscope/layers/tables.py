"""What PyTorch runs for a convolution by a connection table: one grouped convolution for each fan-in."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.layers.steps import INDEX, Made, Step, added

Table = Sequence[Sequence[int]]


def tabled(table: Table, given: tuple[int, ...], input: tuple[int, ...], output: tuple[int, ...],
           kernel: Sequence[int], weights: Sequence[str]) -> tuple[Step, ...]:  # fmt: skip
    """The steps: output maps of one fan-in run together, on copies of their kernels and of the maps that they see."""
    pairs = sum(len(row) for row in table)
    read = "input" if given == input else "padded"
    ran = [] if given == input else [Step("pad", ("input",), (Made("padded", input),))]
    maps: list[str] = []
    last = ""
    for fan_in in sorted({len(row) for row in table}):
        rows = sum(len(row) == fan_in for row in table)
        kernels, seen, made = f"kernels {fan_in}", f"seen {fan_in}", f"maps {fan_in}"
        ran += _copied("weight", kernels, (rows * fan_in, *kernel), (pairs, *kernel), each=False)
        if last:
            # The kernels of the fan-in before lie there until these take their name.
            ran[-1] = ran[-1].replace(reads_too=(*ran[-1].reads_too, last))
        ran += _copied(read, seen, (rows * fan_in, *input[1:]), input)
        ran.append(Step("convolution", (seen, kernels), (Made(made, (rows, *output[1:])),), (seen, kernels)))
        maps.append(made)
        last = kernels
    end = _joined(table, maps, last, output, "bias" in weights)
    if read == "padded":
        end[-1] = end[-1].replace(reads_too=(*end[-1].reads_too, read))
    return (*ran, *end)


def _copied(name: str, made: str, shape: tuple[int, ...], whole: tuple[int, ...], *, each: bool = True) -> list[Step]:
    """Some of the first axis of a tensor, copied; backward they are put into zeros, and those copied once more."""
    places = f"places of {made}"
    return [
        Step("lift", (), (Made(places, shape[:1], INDEX, each=False),)),
        Step(
            "index",
            (name,),
            (Made(made, shape, each=each),),
            (places,),
            behind=(Made("zeros", whole, each=each),),
            reads_too=(places,),
        ),
    ]


def _joined(table: Table, maps: Sequence[str], last: str, output: tuple[int, ...], biased: bool) -> list[Step]:
    """The maps side by side, brought in order, and a constant each."""
    fan_ins = [len(row) for row in table]
    ran: list[Step] = []
    if len(maps) > 1:
        ran.append(Step("cat", tuple(maps), (Made("joined", output),), passes=tuple(maps)))
    came = "joined" if len(maps) > 1 else maps[0]
    if fan_ins != sorted(fan_ins):
        ran += _copied(came, "ordered", output, output)
        came = "ordered"
    if biased:
        ran.append(added(came, "bias", output, ("bias",)))
    else:
        ran[-1] = ran[-1].replace(makes=(Made("output", output),))
    ran[-1] = ran[-1].replace(reads_too=(*ran[-1].reads_too, last, *maps))
    return ran
