"""The arguments that commands share, with their help texts and their completion in the shell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer


def complete_spec(incomplete: str) -> list[str]:
    """The specs that come along, every member of a family by name; behind a file's sign, the members in it."""
    from archscope.reader import spec_names
    from archscope.reader.variants import SIGN, variants_of

    file, sign, _ = incomplete.rpartition(SIGN)
    own = [f"{file}{SIGN}{each}" for each in variants_of(Path(file))] if sign else []
    return [name for name in [*own, *spec_names(variants=True)] if name.startswith(incomplete)]


def _complete_layer(ctx: typer.Context, incomplete: str) -> list[str]:
    from archscope.errors import ArchscopeError
    from archscope.opening import open_network

    try:
        network = open_network(ctx.params["spec"])
    except (ArchscopeError, KeyError):
        return []
    groups = (".".join(path) for path in network.groups)
    names = dict.fromkeys([*(node.row for node in network.nodes), *groups, "total"])
    return [name for name in names if name.startswith(incomplete)]


def complete_names(names: Iterable[str] | Mapping[str, str], incomplete: str) -> list[Any]:
    """The names that begin as typed, with what they mean where that is known."""
    described = names.items() if isinstance(names, Mapping) else ((name, "") for name in names)
    return [(name, doc) if doc else name for name, doc in described if name.startswith(incomplete)]


Spec = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A spec by name (`archscope list` shows them), a member of a family (`resnet@50`, `./mine.yaml@L`), the "
        "path of a YAML file, `-` for the standard input, a module of your own: `mypkg.models:Net@3,224,224`, or a "
        "file of another tool: `net.onnx`, `net.keras`, `deploy.prototxt`, `config.json`.",
        autocompletion=complete_spec,
        show_default=False,
    ),
]

Specs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SPEC]...",
        help="Specs by name or path, or members of families, `vgg@D`; all that come with archscope if none is named.",
        autocompletion=complete_spec,
        show_default=False,
    ),
]

LayerName = Annotated[
    str,
    typer.Argument(
        metavar="LAYER",
        help="A layer, `conv3.0.a.conv`; a block or a run of copies, `conv3`; or `total`.",
        autocompletion=_complete_layer,
        show_default=False,
    ),
]

Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="LAYER.OPTION=VALUE",
        help="Change an option first, as if the spec said so: `--set C1.padding=2`; of a block, `--set "
        "conv5.repeat=1`; a name of the spec's let, `--set let.d=512`. Repeatable.",
        show_default=False,
    ),
]

Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]C,H,W[:TYPE]",
        help="Another input shape, channels first: `--input 1,28,28`; one of several by name: `--input mask=1,8,8`. "
        "A module of your own needs one, and takes types and values: `--input ids=128:int64 --input steps=3`.",
        show_default=False,
    ),
]

Example = Annotated[
    str | None,
    typer.Option(
        "--example",
        metavar="MODULE:FUNCTION",
        help="What to call a module of your own with: a function that returns it, `mypkg.models:example`.",
        show_default=False,
    ),
]

FactoryOptions = Annotated[
    str | None,
    typer.Option(
        "--kwargs",
        metavar="NAME=VALUE,...",
        help="Arguments of the function that makes your module: `--kwargs depth=18,pretrained=False`.",
        show_default=False,
    ),
]

Batch = Annotated[
    int | None,
    typer.Option(
        "--batch",
        metavar="N",
        help="Samples that your module is given at once; 1 by default. Numbers are those of one forward pass.",
        show_default=False,
    ),
]


def _complete_loss(incomplete: str) -> list[Any]:
    from archscope.losses import LOSSES

    return complete_names(LOSSES, incomplete)


Loss = Annotated[
    str | None,
    typer.Option(
        "--loss",
        metavar="NAME",
        help="What the backward pass of a step of training starts from: sum, mean, mse_loss, cross_entropy or nll_loss "
        "of the outputs; or none, a gradient of them that comes from outside. By default their sum.",
        show_default=False,
        autocompletion=_complete_loss,
    ),
]

Strict = Annotated[
    bool,
    typer.Option("--strict", help="Take warnings for mistakes: leave with 2 instead of going on."),
]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to this file instead of the terminal; it is written whole or not at all.",
        show_default=False,
    ),
]
