"""``archscope list``: the specs that come with archscope."""

from __future__ import annotations

from archscope.cli.terminal import emit, width


def command() -> None:
    """List the specs that come with archscope.

    Any of them can be given by name to every other command, and opened as a YAML file to start from.

    \b
    archscope list
    archscope table lenet5
    """
    import archscope
    from archscope.formats.catalogue import write
    from archscope.reader import spec_names

    emit(write([archscope.analyze(archscope.load(name)) for name in spec_names()], width()))
