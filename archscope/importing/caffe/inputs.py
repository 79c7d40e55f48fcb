"""What a Caffe network is given: inputs of the file, or layers that read data, as far as they say how much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.importing.caffe.net import PYTHON_DATA, Call, Key, Net
from archscope.importing.caffe.options import Options, Wrong
from archscope.importing.caffe.text import Message
from archscope.importing.stated import Entry, Stated
from archscope.record import Record

_PICTURES: Final = ("ImageData", "WindowData")
"""Layers that read files of pictures, which are in colour unless they say otherwise."""
_PARAMS: Final = ("data_param", "memory_data_param", "image_data_param", "hdf5_data_param", "window_data_param")


class Taken(Record):
    """Values that a network is given.

    Attributes:
        entries: each as it is said, by the value that it is.
        written: samples that the file was written for.
    """

    entries: dict[Key, Entry]
    written: int


def makes_data(kind: str) -> bool:
    """Whether a layer reads nothing and makes what the network is given."""
    return kind == "Input" or kind.endswith("Data")


def labels_of(net: Net) -> set[Key]:
    """What layers of data make beside their first value: what the outputs are compared with."""
    return {
        Key(number, place)
        for number, call in enumerate(net.calls)
        if makes_data(call.kind) and call.kind != "Input"
        for place in range(len(call.tops))
        if _is_label(call, place)
    }


def _is_label(call: Call, place: int) -> bool:
    """Whether a value of a layer of data is what outputs are compared with: code of its own may make several others."""
    return "label" in call.tops[place].lower() if call.kind == PYTHON_DATA else place > 0


def taken(net: Net, read: set[Key], axis: int, stated: Stated, file: str) -> Taken:
    """The values that the layers read and none makes.

    Raises:
        UsageError: one has no axis for the samples, or they have different numbers of samples.
    """
    said: dict[Key, tuple[str, tuple[int | None, ...]]] = {}
    for place, given in enumerate(net.given):
        said[Key(-1, place)] = given.name, given.shape
    for number, call in enumerate(net.calls):
        if makes_data(call.kind):
            for place, shape in enumerate(_shapes(call, file, stated)):
                said[Key(number, place)] = call.tops[place], shape
    said = {key: each for key, each in said.items() if key in read}
    batches = {shape[axis] for _, shape in said.values() if len(shape) > axis} or {1}
    if len(batches) > 1:
        listed = ", ".join(f"`{line(name)[:40]}` {shape[axis]}" for name, shape in list(said.values())[:6])
        raise UsageError(f"{file} takes inputs of different numbers of samples, which is not read: {listed}")
    found: dict[Key, Entry] = {}
    for key, (name, shape) in said.items():
        if len(shape) <= axis:
            raise UsageError(f"{file}: the input `{line(name)[:40]}` has no axis for the samples")
        called = "input" if len(said) == 1 else line(name).replace(" ", "_")[:200]
        if called in (each.name for each in found.values()):
            raise UsageError(f"{file} takes `{called[:40]}` twice")
        found[key] = Entry(called, ("batch", *shape[:axis], *shape[axis + 1 :]))
    return Taken(found, batches.pop() or 1)


def _shapes(call: Call, file: str, stated: Stated) -> Iterator[tuple[int | None, ...]]:
    """The shapes of what a layer of data makes, batch in front."""

    def wrong(what: str, at: int) -> UsageError:
        return UsageError(f"{file}:{at or call.line}: the layer `{line(call.name)[:40]}` {what}")

    own = Options(call.said, wrong, "the layer")
    name = {"Input": "input_param", "DummyData": "dummy_data_param"}.get(call.kind)
    if name is not None:
        yield from _stated(own.message(name), len(call.tops), wrong)
        return
    message = next((each for each in map(own.message, _PARAMS) if each is not None), None)
    batch = Options(message, wrong, "data_param").whole("batch_size", 1, least=1)
    for place, top in enumerate(call.tops):
        sample = stated.named.get(line(top), stated.alone)
        first = _image(own, call.kind, wrong) if sample is None or len(sample) == 3 else (None,) * len(sample)
        yield (batch,) if _is_label(call, place) else (batch, *first)


def _stated(message: Message | None, many: int, wrong: Wrong) -> Iterator[tuple[int, ...]]:
    """The shapes that stand there: one for each value, or one for all; four numbers each in files of 2014."""
    said = Options(message, wrong, "shape")
    shapes = [tuple(Options(each, wrong, "shape").wholes("dim", least=1)) for each in said.messages("shape")]
    if not shapes:
        along = [said.wholes(name, least=1) for name in ("num", "channels", "height", "width")]
        shapes = [*zip(*along, strict=False)]
    if len(shapes) not in (1, many) or any(not each for each in shapes):
        raise wrong(f"makes {many} values, and says the shapes of {len(shapes)}", 0)
    yield from shapes * many if len(shapes) == 1 else shapes


def _image(own: Options, kind: str, wrong: Wrong) -> tuple[int | None, ...]:
    """A picture's channels, height and width, where they are said."""
    turned = Options(own.message("transform_param"), wrong, "transform_param")
    memory = Options(own.message("memory_data_param"), wrong, "memory_data_param")
    image = Options(own.message("image_data_param"), wrong, "image_data_param")
    side = turned.whole("crop_size", 0)
    means = turned.numbers("mean_value")
    colour = 3 if turned.flag("force_color", usual=False) else 1 if turned.flag("force_gray", usual=False) else 0
    pictures = (3 if image.flag("is_color", usual=True) else 1) if kind in _PICTURES else 0
    channels = memory.whole("channels", colour or (len(means) if len(means) > 1 else 0) or pictures)
    resized = Options(turned.message("resize_param"), wrong, "resize_param")
    sides = [
        memory.whole(name, image.whole(f"new_{name}", 0) or resized.whole(name, 0)) for name in ("height", "width")
    ]
    return channels or None, *(side or each or None for each in sides)
