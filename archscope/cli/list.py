"""``archscope list``: the specs that come with archscope."""

from __future__ import annotations

from typing import Annotated

import typer

from archscope.cli.terminal import emit, width


def _complete_task(incomplete: str) -> list[str]:
    from archscope.formats.catalogue import read_index
    from archscope.reader import index_file

    tasks = {line.task for line in read_index(index_file().read_text(encoding="utf-8")) if line.task}
    return sorted(task for task in tasks if task.startswith(incomplete))


def command(
    since: Annotated[
        int | None,
        typer.Option("--since", metavar="YEAR", help="Only those of this year or later.", show_default=False),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="TASK",
            help="Only those of this task: vision, for one.",
            autocompletion=_complete_task,
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the specs that come with archscope, by task, year and family.

    Any of them can be given by name to every other command, and opened as a YAML file to start from. A member of a
    family has its name behind the family's, `resnet@50`; the file is `resnet.yaml`.

    \b
    archscope list
    archscope list --since 2015 --task vision
    archscope table lenet5
    """
    from archscope.formats.catalogue import chosen, read_index, write
    from archscope.reader import index_file

    lines = read_index(index_file().read_text(encoding="utf-8"))
    emit(write(chosen(lines, since=since, task=task), width()))
