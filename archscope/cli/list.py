"""``archscope list``: the specs that come with archscope."""

from __future__ import annotations

from archscope.cli.terminal import emit, width


def command() -> None:
    """List the specs that come with archscope.

    Any of them can be given by name to every other command, and opened as a YAML file to start from. A member of a
    family has its name behind the family's, `resnet@50`; the file is `resnet.yaml`.

    \b
    archscope list
    archscope table lenet5
    """
    from archscope.formats.catalogue import read_index, write
    from archscope.reader import index_file

    emit(write(read_index(index_file().read_text(encoding="utf-8")), width()))
