"""A network by what a person calls it on a command line: a spec, a module of their own, or a file of another tool."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archscope import analysis
from archscope.analysis import Analysis
from archscope.errors import UsageError, require_torch
from archscope.files import is_there
from archscope.importing.kinds import Kind, kind_of
from archscope.network import Network
from archscope.reader import load
from archscope.requests import Input, Request, request_for

if TYPE_CHECKING:
    from archscope.diagrams import Drawing
    from archscope.importing.jax.things import JaxCalled
    from archscope.tracing.calling import Called
    from archscope.tracing.inputs import Call, Given


def open_network(
    spec: str | os.PathLike[str],
    *,
    changes: Mapping[str, Any] | Sequence[str] = (),
    input: Input = None,
    example: str | None = None,
    kwargs: str | None = None,
    batch: int | None = None,
    strict: bool = False,
) -> Network:
    """Read a spec by name or path, or trace what ``package.module:factory`` makes, or what a ``.pt2`` file holds.

    A module is named with the shape of its input, ``mypkg.models:AlexNet@3,224,224``, or gets it from ``input``;
    the shapes of several inputs are joined by ``+``.

    Args:
        spec: the spec, the factory or the file.
        changes: options of a spec to change first, as in `archscope.load`.
        input: the input's shape, ``(1, 28, 28)`` or ``"1,28,28"``; several as ``["3,32,32", "ids=128:int64"]``.
        example: a function that returns what to call a module with, ``mypkg.models:example``.
        kwargs: arguments of the factory, ``depth=18, pretrained=False``.
        batch: samples that run at once; one, if left out.
        strict: whether the warnings about a spec are mistakes.

    Raises:
        NotFound: there is no such spec.
        SpecError: the spec has mistakes.
        UsageError: the factory cannot be called, or its module does not run; an input is missing or none of its own.
        MissingExtra: PyTorch is needed for a module, and is not installed.

    >>> open_network("lenet5").title
    'LeNet-5'
    """
    said: dict[str, Any] = {"input": input, "example": example, "kwargs": kwargs, "batch": batch, "strict": strict}
    return opened(request_for(spec, changes=changes, **said))[0]


def opened(request: Request) -> tuple[Network, Called | JaxCalled | None]:
    """The network that was asked for, and the module that it was read from if it is one; see `open_network`."""
    if request.of_module:
        module: Called | JaxCalled | None = _of_jax(request)
        if module is None:
            try:
                module = called(request)
            except UsageError:
                module = _of_jax(request)  # a function may import JAX only when it is called
                if module is None:
                    raise
        return module.network, module
    return (_file(request) if request.of_file else _spec(request)), None


def _check_module(request: Request) -> None:
    """Refuse what is said of a module and means something to a spec alone."""
    if request.changes:
        what = request.factory or request.spec
        raise UsageError(f"`--set` changes a spec, and `{what}` is a module; change its code, or write a spec of it")
    if request.batch is not None and request.batch < 1:
        raise UsageError(f"`--batch {request.batch}`: a batch has one sample or more")


def _of_jax(request: Request) -> JaxCalled | None:
    """A module of JAX's and the network that it is, if a factory makes one; None for a module of PyTorch's."""
    if request.factory is None:
        return None
    _check_module(request)
    from dataclasses import replace

    from archscope.importing.jax.opening import example, made_by
    from archscope.tracing.inputs import Given
    from archscope.tracing.stated import Bare, parse_options

    made = made_by(request.factory, None if request.options is None else parse_options(request.options))
    if made is None:
        return None
    from archscope.importing.jax.calling import Sample, call_module, described

    stated = _inputs(request, request.behind)
    args, kwargs = stated.mapped(lambda each: Sample(each.shape, each.dtype) if isinstance(each, Given)
                                 else each.value if isinstance(each, Bare) else each)  # fmt: skip
    if request.example is not None:
        args, kwargs = example(request.example)
        args, kwargs = tuple(map(described, args)), {name: described(each) for name, each in kwargs.items()}
    name = request.factory.rpartition(":")[2].rpartition(".")[2]
    call = call_module(made.module, args, kwargs, name=name, path=request.spec, batch=request.batch, extra=made.state)
    return replace(call, again=made.again)


def called(request: Request) -> Called:
    """The module that was asked for, what it is called with, and the network it was read into.

    Raises:
        UsageError: as for `open_network`.
    """
    _check_module(request)
    require_torch(f"reading `{request.factory or request.spec}`")
    from archscope.tracing.calling import call_archive, call_config, call_factory
    from archscope.tracing.stated import parse_options

    if request.factory is None:
        if request.options is not None:
            raise UsageError(f"`--kwargs` are for a function that makes a module, and {request.spec} is a file")
        call = call_config if kind_of(request.spec) is Kind.HUGGING_FACE else call_archive
        return call(request.spec, _inputs(request, ""), example=request.example, batch=request.batch)
    options = {} if request.options is None else parse_options(request.options)
    stated = _inputs(request, request.behind)
    return call_factory(
        request.factory, options, stated, path=request.spec, example=request.example, batch=request.batch
    )


def _file(request: Request) -> Network:
    """The network in a file of another tool."""
    if request.changes:
        raise UsageError(f"`--set` changes a spec, and {request.spec} is a file of another tool")
    for flag, value in (("--example", request.example), ("--kwargs", request.options)):
        if value is not None:
            raise UsageError(f"`{flag}` is for a module of your own, and {request.spec} is a file")
    if request.batch is not None and request.batch < 1:
        raise UsageError(f"`--batch {request.batch}`: a batch has one sample or more")
    from archscope.importing.opening import read_file
    from archscope.importing.stated import Stated

    said = _inputs(request, "")
    if len(said.args) > 1:
        raise UsageError("`--input` beside others does not say which input it is; name each: --input NAME=3,224,224")
    alone = _shape("", said.args[0]) if said.args else None
    named = {name: _shape(name, each) for name, each in said.kwargs.items()}
    network = read_file(request.spec, Stated(alone, named, request.batch))
    if kind_of(request.spec) is not Kind.ONNX:  # in the others layers say what they do, and no number of the input's
        return network

    def again(shapes: Mapping[str, tuple[int, ...]]) -> Network:
        """The file read with other lengths of its axes; what follows from them is in the numbers of its layers."""
        stated = {**network.inputs, **shapes}
        only = next(iter(stated.values())) if len(stated) == 1 else None
        try:
            found = read_file(request.spec, Stated(only, {} if only else stated, request.batch))
        except UsageError as error:
            raise UsageError(f"{error}; write the file with axes that may have any length to ask for others") from None
        return found.replace(again=again)

    return network.replace(again=again)


def _shape(name: str, value: Any) -> tuple[int, ...]:
    """The shape that an input of a file is given; its type is the file's."""
    from archscope.tracing.inputs import Given

    return _extents(name, value.replace(dtype=None) if isinstance(value, Given) else value)


def _inputs(request: Request, behind: str) -> Call:
    """What was stated by ``--input``, and behind the factory's name: shapes in their places, joined by ``+``.

    Shapes in their places that ``--input`` states are instead of those behind the name; inputs by name go with them.
    """
    from archscope.tracing.inputs import Call
    from archscope.tracing.stated import parse_inputs, parse_shape

    placed = Call(tuple(_behind(each, behind) for each in behind.split("+"))) if behind else Call()
    if behind and request.example is not None:
        raise UsageError(f"`--example` and `@{behind}` both say what to call the module with; leave one of them out")
    if request.inputs:
        if request.example is not None:
            raise UsageError("`--example` and `--input` both say what to call the module with; leave one of them out")
        if len(request.inputs) == 1 and "+" in request.inputs[0] and "=" not in request.inputs[0]:
            return Call(tuple(parse_shape(each) for each in request.inputs[0].split("+")))
        stated = parse_inputs(request.inputs)
        return stated if stated.args else Call(placed.args, stated.kwargs)
    return placed


def _behind(text: str, whole: str) -> Given:
    from archscope.tracing.stated import parse_shape

    try:
        return parse_shape(text)
    except UsageError as error:
        raise UsageError(str(error).replace(f"`{text}`", f"`{whole}`", 1)) from None


def _spec(request: Request) -> Network:
    _refuse_code(request.spec)
    for flag, value in (("--example", request.example), ("--kwargs", request.options), ("--batch", request.batch)):
        if value is not None:
            raise UsageError(f"`{flag}` is for a module of your own, and {request.spec} is a spec")
    if not request.inputs:
        return load(request.spec, changes=request.changes, strict=request.strict)
    if len(request.inputs) == 1 and "=" not in request.inputs[0]:
        return load(request.spec, changes=request.changes, input=request.inputs[0], strict=request.strict)
    from archscope.tracing.stated import parse_inputs, spelled

    stated = parse_inputs(request.inputs)
    if stated.args:
        shape = spelled(stated.args[0])
        raise UsageError(f"`--input {shape}` beside others does not say which input it is; name each: "
                         f"--input NAME={shape}")  # fmt: skip
    shapes = {name: _extents(name, value) for name, value in stated.kwargs.items()}
    return load(request.spec, changes=request.changes, input=shapes, strict=request.strict)


def _refuse_code(spec: str) -> None:
    """Refuse a file of Python, which is no spec, and say how what it holds is named."""
    folder, file = os.path.split(spec)
    name, ending = os.path.splitext(file)  # noqa: PTH122
    if ending not in (".py", ".ipynb") or not is_there(spec):
        return
    if ending == ".ipynb" or not name.isidentifier():
        raise UsageError(f"{spec} is no spec; write what makes the module into a file such as `models.py`, and name "
                         "that: `models:make`")  # fmt: skip
    there = f", run in {folder}" if folder else ""
    raise UsageError(f"{spec} is Python, and no spec; name a class or a function in it that makes the module, "
                     f"`{name}:make`{there}")  # fmt: skip


def _extents(name: str, value: Any) -> tuple[int, ...]:
    """The shape that a spec's input is given by name."""
    from archscope.tracing.inputs import Given
    from archscope.tracing.stated import Bare, spelled

    if isinstance(value, Bare) and value.value:
        return (value.value,)
    if isinstance(value, Given) and value.dtype is not None:
        raise UsageError(f"`--input {name}={spelled(value)}`: an input of a spec has a shape and no type; write "
                         f"--input {name}={','.join(map(str, value.shape))}")  # fmt: skip
    if isinstance(value, Given) and value.shape:
        return value.shape
    raise UsageError(f"`--input {name}=` is given no shape; write whole numbers with commas, channels first: "
                     f"--input {name}=3,224,224")  # fmt: skip


def analyze(network: Any, /, *args: Any, **kwargs: Any) -> Analysis:
    """Work out every number about a network, or about any module of PyTorch, Flax NNX or Equinox.

    Args:
        network: what `archscope.load` or `archscope.trace` returned; a spec by name or path; or a module, or an
            exported program.
        args: what the module is called with, as in `archscope.trace`.
        kwargs: what it is called with by name.

    Raises:
        NotFound: there is no such spec.
        UsageError: the module does not run on such inputs; says where it stops and why.

    >>> analyze("lenet5")["C1"].parameters
    156
    """
    if isinstance(network, Analysis | Network | str | os.PathLike):
        if args or kwargs:
            raise UsageError("inputs are for a module; a network has its own: load(…, input=…)")
        if isinstance(network, Analysis):
            return network
        return analysis.analyze(network if isinstance(network, Network) else open_network(network))
    from archscope.importing.jax.things import found_in

    if found_in(network) is not None:
        from archscope.importing.jax.calling import call_module, described

        state = network[1] if isinstance(network, tuple) else None
        given = {name: described(each) for name, each in kwargs.items()}
        made = call_module(found_in(network), tuple(map(described, args)), given, extra=state)
        return analysis.analyze(made.network)
    if not callable(network) and not hasattr(network, "graph_module"):
        raise UsageError(f"a value of type {type(network).__name__} is no network; take a spec by name or path, what "
                         "`load` or `trace` returned, or a torch.nn.Module with its input shapes")  # fmt: skip
    from archscope.tracing import trace

    return analysis.analyze(trace(network, *args, **kwargs))


def draw(
    network: Any,
    /,
    *args: Any,
    style: str | None = None,
    width: str | float | None = None,
    font_size: float | None = None,
    theme: str | None = None,
    show: str | Iterable[str] | None = None,
    depth: int | str | None = None,
    direction: str | None = None,
    towers: bool | None = None,
    color: str | None = None,
    color_scale: str | None = None,
    latency: Mapping[str, float] | None = None,
    device: str | None = None,
    height: str | float | None = None,
    page: str | None = None,
    title: str | None = None,
    caption: str | None = None,
    legend: bool | None = None,
    palette: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    highlight: Iterable[str] | None = None,
    notes: Mapping[str, str] | None = None,
    expand: str | Iterable[str] | None = None,
    collapse: str | Iterable[str] | None = None,
    glue: bool | None = None,
    steps: bool | None = None,
    **kwargs: Any,
) -> Drawing:
    """Draw a network, or any `torch.nn.Module`.

    What is left out is as the ``figure:`` of the spec has it, else as is said here.

    Args:
        network: as in `archscope.analyze`: a network, its analysis, a spec by name or path, or a module.
        args: what a module is called with, as in `archscope.trace`.
        style: ``planes`` as in LeCun's figure of LeNet-5, ``boxes`` as in Krizhevsky's of AlexNet,
            ``neurons`` as textbooks draw a perceptron, ``transformer`` as in Vaswani's, ``unrolled`` for recurrence,
            ``graph``, or ``auto`` for one that shows the network well, which is usual.
        width: of the page, such as ``"183mm"``; a bare number is millimetres. By itself a picture is as wide as
            it needs to be.
        font_size: in points, at that width; 8, and on a slide's ``page`` the largest that fits.
        theme: one of `archscope.diagrams.THEMES`; light.
        show: what to write on a layer, of `archscope.diagrams.SHOWN`; a list, or names with commas between.
        depth: of a graph or boxes: how many levels of blocks to open, ``"full"``, which opens a transformer's stages,
            too, or ``"auto"``.
        direction: of a graph: ``"tb"`` or ``"lr"``.
        towers: of boxes: draw the groups of a network in one column as towers.
        color: what a layer's colour says: its ``family``, or its ``macs``, ``parameters``, ``connections``,
            ``activation_bytes``, ``saved_bytes`` (for the backward pass, a sample) or ``latency``.
        color_scale: ``"linear"`` or ``"log"``.
        latency: seconds of each layer by name, as `bench` measured them.
        device: what measured them, for the legend, such as ``"NVIDIA H200, batch 1, fp32"``.
        height: that the picture must not exceed, such as ``"62mm"``; blocks close until it does not. Neither
            reaches a graph as DOT, Mermaid or HTML, which is laid out where it is read.
        page: one of `archscope.diagrams.PAGES`, for its width and height.
        title: a line over the picture.
        caption: text under it.
        legend: whether its colours are told under it.
        palette: other colours of families, by name.
        labels: what layers, and groups of them, are called in it.
        highlight: layers that stand out, by name or pattern.
        notes: remarks on layers, which stand under it.
        expand: names of blocks to open whatever the depth, such as ``"inception3a"`` or ``"stage*"``; a list, or with
            commas between.
        collapse: names of blocks to close whatever the depth.
        glue: of a graph: whether permutations, reshapes, splits and the like are drawn as other layers are.
        steps: whether to build the picture up, a layer at a time: slides of ``pptx``, keys of ``html``, else files.
        kwargs: what a module is called with by name.

    Raises:
        NotFound: no such spec, style, theme, direction or thing to show.
        UsageError: the width cannot hold the figure, or the network has not the form of the style; or the module does
            not run on such inputs.

    >>> draw("alexnet").style
    'boxes'
    """
    from archscope import diagrams

    return diagrams.draw(
        analyze(network, *args, **kwargs), style=style, width=width, font_size=font_size, theme=theme, show=show,
        depth=depth, direction=direction, towers=towers, color=color, color_scale=color_scale, latency=latency,
        device=device, height=height, page=page, title=title, caption=caption, legend=legend, palette=palette,
        labels=labels, highlight=None if highlight is None else tuple(highlight), notes=notes, expand=expand,
        collapse=collapse, glue=glue, steps=steps,
    )  # fmt: skip
