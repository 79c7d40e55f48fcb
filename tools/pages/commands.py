"""The command line, from the commands themselves."""

from __future__ import annotations

import textwrap
from typing import Any

import typer

from archscope.cli import COMMANDS, app
from tools.pages.markdown import fenced, page, table

STATUS = (
    "Exit status: 0 all is well, 1 a finding differs, 2 the input or the request is wrong, 3 an optional package or "
    "a device is not there."
)


def pages() -> dict[str, str]:
    group: Any = typer.main.get_command(app)
    context = group.make_context("archscope", [], resilient_parsing=True)
    parts = [
        f"{group.help} `archscope COMMAND --help` prints what stands here.",
        STATUS,
        "## Options of every command",
        _parameters(group, context),
    ]
    for name in COMMANDS:
        parts += _command(name, group.commands[name], context)
    return {"reference/command-line.md": page("The command line", *parts)}


def _command(name: str, command: Any, parent: Any) -> list[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    text, _, examples = (command.help or "").partition("\b\n")
    usage = " ".join(command.collect_usage_pieces(context))
    return [
        f"## archscope {name}",
        fenced(f"archscope {name} {usage}"),
        "\n\n".join(" ".join(part.split()) for part in textwrap.dedent(text).split("\n\n")),
        f"For example:\n\n{fenced(textwrap.dedent(examples))}" if examples.strip() else "",
        _parameters(command, context),
    ]


def _parameters(command: Any, context: Any) -> str:
    rows = []
    for parameter in command.get_params(context):
        if getattr(parameter, "hidden", False):
            continue
        record = parameter.get_help_record(context)
        if record is None:  # an argument
            rows.append((f"`{parameter.make_metavar(context)}`", getattr(parameter, "help", "") or ""))
        else:
            rows.append((f"`{' '.join(record[0].split())}`", " ".join(record[1].split())))
    return table(("argument or option", "meaning"), rows)
