"""``archscope diagram``: a picture of a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from archscope.cli.arguments import Batch, Changes, Example, FactoryOptions, Inputs, Spec, Strict, complete_names


def _complete_styles(incomplete: str) -> list[Any]:
    from archscope.diagrams import STYLES

    return complete_names(STYLES, incomplete)


def _complete_formats(incomplete: str) -> list[Any]:
    from archscope.diagrams import FORMATS

    return complete_names(list(FORMATS), incomplete)


def _complete_themes(incomplete: str) -> list[Any]:
    from archscope.diagrams import THEMES

    return complete_names(list(THEMES), incomplete)


def _complete_pages(incomplete: str) -> list[Any]:
    from archscope.diagrams import PAGES

    return complete_names(list(PAGES), incomplete)


def _complete_colors(incomplete: str) -> list[Any]:
    from archscope.diagrams import COLORS

    return complete_names(COLORS, incomplete)


def _latency(results: Path, name: str) -> tuple[dict[str, float], str]:
    """Seconds of each layer, from the first cell of a result file that has this network's, and where they passed."""
    from archscope.bench.compare import read_result
    from archscope.bench.environment import device_title
    from archscope.errors import UsageError

    found = read_result(results)
    cells = found["cells"]
    for cell in cells:
        if cell["layers"] and cell["model"]["name"] == name:
            times = {layer["name"]: layer["time"] for layer in cell["layers"] if layer["type"] is not None}
            device = device_title(found["environment"], found["device"])
            mode = "" if cell["mode"] == "infer" else f", {cell['mode']}"
            return times, f"{device}{mode}, batch {cell['batch']}, {cell['dtype']}"
    measured = ", ".join(dict.fromkeys(cell["model"]["name"] for cell in cells if cell["layers"])) or "of no network"
    raise UsageError(f"{results} has no layers of {name} measured; those it has are {measured}")


def _palette(path: Path) -> dict[str, str]:
    """Colours by family, from a file."""
    from archscope.diagnostics import Source
    from archscope.errors import UsageError
    from archscope.source import Invalid, parse, to_data

    try:
        found = to_data(parse(Source(str(path), path.read_text(encoding="utf-8")))[0])
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    except Invalid as error:
        raise UsageError(f"{path}: {error.diagnostic.message}") from None
    if not isinstance(found, dict) or not all(isinstance(color, str) for color in found.values()):
        raise UsageError(f'{path} is no palette; write `convolution: "#ffd9b3"`, a line for each family')
    return {str(name): str(color) for name, color in found.items()}


def _pairs(given: list[str] | None, option: str) -> dict[str, str] | None:
    """What stands left and right of each first sign of equality."""
    from archscope.errors import UsageError

    if given is None:
        return None
    for each in given:
        if "=" not in each:
            raise UsageError(f"{option} {each} has no `=`; write {option} {each}=TEXT")
    return dict(each.split("=", 1) for each in given)


def command(
    spec: Spec,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this file, whole or not at all; without it an SVG goes to standard output.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="STYLE",
            help="`planes` as in LeCun's figure of LeNet-5, `boxes` as in Krizhevsky's of AlexNet, `neurons` as "
            "textbooks draw a perceptron, `transformer` as in Vaswani's, `unrolled` for recurrence, `graph`, or `auto` "
            "for one that shows the network well.",
            autocompletion=_complete_styles,
            show_default="auto",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="svg, png, pdf, tikz, pptx, drawio, html, dot or mermaid; by default as --output ends.",
            autocompletion=_complete_formats,
            show_default=False,
        ),
    ] = None,
    width: Annotated[
        str | None,
        typer.Option(
            "--width",
            metavar="LENGTH",
            help="The width of the page: `183mm`, `7.2in`, `518pt`. By default as wide as the picture needs.",
            show_default=False,
        ),
    ] = None,
    height: Annotated[
        str | None,
        typer.Option(
            "--height",
            metavar="LENGTH",
            help="What the picture must not exceed; with depth `auto` blocks close until it does not.",
            show_default=False,
        ),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option(
            "--page",
            metavar="PAGE",
            help="The room on a4, letter, ieee-column, beamer or 16:9, in place of --width and --height.",
            autocompletion=_complete_pages,
            show_default=False,
        ),
    ] = None,
    font_size: Annotated[
        float | None,
        typer.Option("--font-size", metavar="POINTS", help="At that width; on a slide, what fits.", show_default="8"),
    ] = None,
    theme: Annotated[
        str | None,
        typer.Option(
            "--theme",
            metavar="THEME",
            help="light, dark or print.",
            autocompletion=_complete_themes,
            show_default="light",
        ),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(
            "--show",
            metavar="NAME,...",
            help="What to write on a layer: name, op, kernel, shape, parameters, macs; of neurons, bias and weights; "
            "of unrolled, cell.",
            show_default=False,
        ),
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            metavar="N",
            help="How many levels of blocks a graph or boxes open, `full`, for a transformer's stages too, or `auto`.",
            show_default="auto",
        ),
    ] = None,
    expand: Annotated[
        str | None,
        typer.Option(
            "--expand",
            metavar="GLOB,...",
            help="Blocks to open whatever the depth: `inception3a`, `stage*`; of graphs and boxes.",
            show_default=False,
        ),
    ] = None,
    collapse: Annotated[
        str | None,
        typer.Option("--collapse", metavar="GLOB,...", help="Blocks to close whatever the depth.", show_default=False),
    ] = None,
    steps: Annotated[
        bool,
        typer.Option(
            "--steps", help="Build the picture up, a layer at a time: slides of pptx, keys of html, else files -1, -2."
        ),
    ] = False,
    direction: Annotated[
        str | None,
        typer.Option(
            "--direction",
            metavar="tb|lr",
            help="A graph from top to bottom or from left to right.",
            show_default="tb",
        ),
    ] = None,
    towers: Annotated[
        bool, typer.Option("--towers", help="Draw the groups of a network in one column as towers of boxes.")
    ] = False,
    glue: Annotated[
        bool, typer.Option("--glue", help="Let a graph draw permutations, splits and the like as it draws layers.")
    ] = False,
    color: Annotated[
        str | None,
        typer.Option(
            "--color",
            metavar="QUANTITY",
            help="What a layer's colour says: its family, or its macs, parameters, connections, activation_bytes, "
            "saved_bytes or, with --results, its latency; a folded layer's, of all its copies.",
            autocompletion=_complete_colors,
            show_default="family",
        ),
    ] = None,
    color_scale: Annotated[
        str | None,
        typer.Option("--color-scale", metavar="linear|log", help="How a cost becomes a colour.", show_default="linear"),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="FILE",
            help="What `archscope bench --format json` measured; its first cell with layers of this network is shown.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="A line over the picture.", show_default=False)
    ] = None,
    caption: Annotated[
        str | None, typer.Option("--caption", metavar="TEXT", help="Text under it.", show_default=False)
    ] = None,
    legend: Annotated[
        bool | None, typer.Option("--legend/--no-legend", help="Tell its colours under it.", show_default=False)
    ] = None,
    palette: Annotated[
        Path | None,
        typer.Option(
            "--palette",
            metavar="FILE",
            help='Other colours of families, from a YAML file: `convolution: "#ffd9b3"`.',
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="LAYER=TEXT", help="Call a layer or a group so. Repeatable.", show_default=False
        ),
    ] = None,
    highlight: Annotated[
        list[str] | None,
        typer.Option(
            "--highlight",
            metavar="LAYER",
            help="Let a layer stand out, or all of a pattern: `layer4.*`. Repeatable.",
            show_default=False,
        ),
    ] = None,
    notes: Annotated[
        list[str] | None,
        typer.Option("--note", metavar="LAYER=TEXT", help="Remark on a layer. Repeatable.", show_default=False),
    ] = None,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
) -> None:
    """Draw a network: as its paper did, or as a graph.

    Lengths are true at the final size, so a figure of 183 mm with a font of 7 points needs no scaling. Where a
    width cannot hold a figure, the message says which one can.

    \b
    archscope diagram lenet5 -o lenet5.svg
    archscope diagram alexnet -o alexnet.pdf --width 183mm --font-size 7
    archscope diagram alexnet-pytorch --towers -o towers.png --theme print
    archscope diagram alexnet --style graph --show name,op,parameters -o graph.svg
    archscope diagram alexnet --color macs -o where-the-work-is.svg
    archscope diagram unet -o unet.pptx --steps
    archscope diagram unet -o unet.drawio
    archscope diagram alexnet --format dot
    archscope diagram alexnet --label conv1=Stem --highlight conv3 --caption "AlexNet." -o labelled.svg
    """
    import archscope
    from archscope.cli.opened import foretell, opened
    from archscope.cli.terminal import complain
    from archscope.diagrams.drawing import format_of
    from archscope.escaping import painted

    chosen = format or (format_of(output) if output else "svg")
    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    latency, device = (None, None) if results is None else _latency(results, network.name)
    picture = archscope.draw(
        network, style=style, width=width, font_size=font_size, theme=theme, show=show, depth=depth,
        direction=direction, towers=towers or None, color=color, color_scale=color_scale, height=height, page=page,
        expand=expand, collapse=collapse, steps=steps or None,
        latency=latency, device=device,
        title=title, caption=caption, legend=legend, palette=None if palette is None else _palette(palette),
        labels=_pairs(labels, "--label"), highlight=highlight, notes=_pairs(notes, "--note"), glue=glue or None,
    )  # fmt: skip
    graph = picture.style == "graph"  # the other styles draw equal blocks once, or refuse what is long
    foretell("html" if chosen == "html" else "diagram" if graph else "figure", network)
    if output is not None:
        picture.save(output, chosen)
    else:
        _print(picture.write(chosen), chosen)
    if picture.request.style == "auto":
        complain(painted(f"note: {picture.chosen_for(chosen)}"))
    if picture.request.brief and not picture.laid_out_elsewhere(chosen):
        complain(f"note: little is written, so that the letters have {picture.request.font_size:g} pt; --show or "
                 "--font-size says otherwise")  # fmt: skip
    if not picture.laid_out_elsewhere(chosen) and picture.left_out:
        complain(painted(f"note: `figure:` says what has no place here: {', '.join(picture.left_out)}"))
    if picture.laid_out_elsewhere(chosen) and (width or height or page):
        where = "in the reader's window" if chosen == "html" else "by the program that reads it"
        complain(f"note: this graph is laid out {where}; --width, --height and --page say nothing there")


def _print(made: str | bytes, format: str) -> None:
    """Write a picture to standard output."""
    from archscope.errors import UsageError

    if isinstance(made, str):
        sys.stdout.write(made)
    elif sys.stdout.isatty():
        raise UsageError(f"format {format} is no text for a terminal; write it to a file with --output")
    else:
        sys.stdout.buffer.write(made)
