"""What a Caffe file says: layers with their options, the values that each reads and makes, and the phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.importing.caffe.options import Options, Wrong
from archscope.importing.caffe.text import Message, parsed

MOST: Final = 16 << 20
"""Bytes of the largest file that is read."""
_LAYERS: Final = 20_000
"""Layers that are read at most."""

PYTHON_DATA: Final = "PythonData"
"""The type of a layer of code that reads nothing."""

TEST: Final = "TEST"
TRAIN: Final = "TRAIN"

_OLD: Final = {
    "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DATA": "Data",
    "DECONVOLUTION": "Deconvolution", "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss", "ELTWISE": "Eltwise", "EXP": "Exp", "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss", "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss", "INNER_PRODUCT": "InnerProduct", "LRN": "LRN",
    "MEMORY_DATA": "MemoryData", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN",
    "POOLING": "Pooling", "POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss", "SILENCE": "Silence", "SLICE": "Slice",
    "SOFTMAX": "Softmax", "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "TANH": "TanH",
    "THRESHOLD": "Threshold", "WINDOW_DATA": "WindowData",
}  # fmt: skip
"""What the types that files of 2013 and 2014 have are called today."""


class Key(NamedTuple):
    """A value: the layer that made it, by number, and which of its results it is."""

    call: int
    place: int = 0


class Blob(NamedTuple):
    """What is said of one of a layer's weights: a name where it is shared, and whether it is trained."""

    name: str = ""
    trained: bool = True


class Call(NamedTuple):
    """A layer of the file.

    Attributes:
        name: what it is called.
        kind: its type, as it is called today.
        said: its message.
        blobs: what is said of its weights, in order.
        bottoms: what it reads, by name.
        tops: what it makes, by name.
        line: where it stands.
        reads: the values that it reads.
    """

    name: str
    kind: str
    said: Message
    blobs: tuple[Blob, ...]
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    line: int
    reads: tuple[Key, ...] = ()


class Given(NamedTuple):
    """A value that a file names as an input without a layer, with its shape; batch in front."""

    name: str
    shape: tuple[int, ...]


class Net(NamedTuple):
    """A network as a Caffe file has it.

    Attributes:
        title: what it is called.
        given: inputs that are made by no layer; as values they are results of a call numbered −1.
        calls: the layers in their order, those of the phase.
        ends: values that nothing reads, by name.
        phase: the phase that it was read for.
        others: how many layers are there for other phases alone.
    """

    title: str
    given: tuple[Given, ...]
    calls: tuple[Call, ...]
    ends: tuple[tuple[str, Key], ...]
    phase: str
    others: int

    def readers(self) -> Counter[Key]:
        """How often each value is read."""
        return Counter(key for call in self.calls for key in call.reads)


def read_net(file: str) -> Net:
    """The network in a file, as it runs in the phase TEST; in TRAIN where it is not whole in TEST.

    Raises:
        UsageError: it is no such file; a layer reads what none before it makes.
    """
    try:
        if Path(file).stat().st_size > MOST:
            raise UsageError(f"{file} is larger than any Caffe network")
        text = Path(file).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or type(error).__name__}") from None
    message = parsed(text, file)

    def wrong(what: str, at: int) -> UsageError:
        return UsageError(f"{file}{f':{at}' if at else ''}: the network {what}")

    whole = Options(message, wrong, "the network")
    layers = [*whole.messages("layer"), *whole.messages("layers")]
    if not layers:
        raise UsageError(_without_layers(message, file))
    if len(layers) > _LAYERS:
        raise UsageError(f"{file} has {len(layers):,} layers; {_LAYERS:,} are read at most")
    state = Options(whole.message("state"), wrong, "state")
    level, stages = state.whole("level", 0, least=-(1 << 31)), state.words("stage")
    fixed = state.word("phase", "", (TRAIN, TEST))
    title, given = line(whole.word("name", ""))[:200], tuple(_given(whole, wrong))
    whole.unimportant("force_backward", "debug_info")
    whole.finish()
    calls = [(each, _call(each, file)) for each in layers]
    tried: list[UsageError] = []
    for phase in (fixed,) if fixed else (TEST, TRAIN):
        kept = [call for said, call in calls if _included(said, call, phase, level, stages, file)]
        try:
            joined, ends = _joined(given, kept, file)
        except UsageError as error:
            tried.append(error)
        else:
            return Net(title, given, joined, ends, phase, len(calls) - len(kept))
    raise tried[0]


def _without_layers(message: Message, file: str) -> str:
    """What a text without layers is."""
    for name in ("net", "train_net"):
        if fields := message.fields.get(name):
            own = line(str(fields[0].value))[:200]
            return f"{file} is a solver, which says how a network is trained; the network is in `{own}`"
    return f"{file} is no Caffe network: it has no layers"


def _given(whole: Options, wrong: Wrong) -> Iterator[Given]:
    """The inputs that stand in front of the layers."""
    names, flat = whole.words("input"), whole.wholes("input_dim", least=1)
    shapes = [tuple(Options(each, wrong, "input_shape").wholes("dim", least=1))
              for each in whole.messages("input_shape")]  # fmt: skip
    if flat and not shapes:
        shapes = [tuple(flat[at : at + 4]) for at in range(0, len(flat), 4)]
    if len(names) != len(shapes) or any(not each for each in shapes) or (flat and len(flat) != 4 * len(shapes)):
        raise wrong(f"has {len(names)} `input` and the shapes of {len(shapes)}; each has an `input_shape`, or four "
                    "`input_dim`", 0)  # fmt: skip
    yield from map(Given, names, shapes)


def _call(said: Message, file: str) -> Call:
    def wrong(what: str, at: int) -> UsageError:
        return UsageError(f"{file}:{at or said.line}: a layer {what}")

    own = Options(said, wrong, "the layer")
    if "layer" in said.fields:
        raise wrong("is written as in 2013; `upgrade_net_proto_text` of Caffe writes such a file anew", 0)
    kind = line(own.word("type", ""))[:200]
    if not kind:
        raise wrong("does not say its `type`", 0)
    name, reads = own.word("name", ""), tuple(own.words("bottom"))
    # Code that reads nothing is a layer of data, whatever it does to make them.
    kind = PYTHON_DATA if kind == "Python" and not reads else _OLD.get(kind, kind)
    return Call(name, kind, said, tuple(_blobs(own, wrong)), reads, tuple(own.words("top")), said.line)


def _blobs(own: Options, wrong: Wrong) -> Iterator[Blob]:
    """What is said of the weights: in messages, or as in 2014 in lists of names and rates."""
    said, rates = own.said("param"), own.numbers("blobs_lr")
    for place in range(max(len(said), len(rates))):
        name, rate = "", rates[place] if place < len(rates) else 1.0
        if place < len(said) and isinstance(each := said[place].value, Message):
            param = Options(each, wrong, "param")
            name, rate = param.word("name", ""), param.number("lr_mult", rate)
            param.unimportant("decay_mult", "share_mode")
            param.finish()
        elif place < len(said):
            name = str(said[place].value)
        yield Blob(name, rate != 0)


def _included(said: Message, call: Call, phase: str, level: int, stages: Sequence[str], file: str) -> bool:
    """Whether a layer is there in a phase, by Caffe's rules."""

    def wrong(what: str, at: int) -> UsageError:
        return UsageError(f"{file}:{at or call.line}: the layer `{line(call.name)[:40]}` {what}")

    own = Options(said, wrong, "the layer")
    include, exclude = own.messages("include"), own.messages("exclude")
    if include and exclude:
        raise wrong("has both `include` and `exclude`", 0)

    def met(rule: Message) -> bool:
        asked = Options(rule, wrong, "include")
        wanted = asked.word("phase", phase, (TRAIN, TEST))
        least, most = (asked.whole(name, level, least=-(1 << 31)) for name in ("min_level", "max_level"))
        with_, without = asked.words("stage"), asked.words("not_stage")
        asked.finish()
        staged = all(each in stages for each in with_) and not any(each in stages for each in without)
        return wanted == phase and least <= level <= most and staged

    there = any(map(met, include)) if include else not any(map(met, exclude))
    return there and own.word("phase", phase, (TRAIN, TEST)) == phase


def _joined(
    given: Sequence[Given], calls: Sequence[Call], file: str
) -> tuple[tuple[Call, ...], tuple[tuple[str, Key], ...]]:
    """The layers with the values that they read: of a name that is written in place, the last one so far."""
    now: dict[str, Key] = {each.name: Key(-1, place) for place, each in enumerate(given)}
    unread: dict[Key, str] = {key: name for name, key in now.items()}
    found: list[Call] = []
    for number, call in enumerate(calls):
        shown = f"{file}:{call.line}: the layer `{line(call.name)[:40]}` ({call.kind[:40]})"
        for name in call.bottoms:
            if name not in now:
                raise UsageError(f"{shown} reads `{line(name)[:40]}`, which no layer above it makes")
            unread.pop(now[name], None)
        found.append(call._replace(reads=tuple(now[name] for name in call.bottoms)))
        for place, name in enumerate(call.tops):
            if name in now and name not in call.bottoms:
                raise UsageError(f"{shown} makes `{line(name)[:40]}`, which a layer above it has made")
            now[name] = Key(number, place)
            unread[now[name]] = name
    return tuple(found), tuple((name, key) for key, name in unread.items())
