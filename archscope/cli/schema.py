"""``archscope schema``: the JSON Schema of the spec language."""

from __future__ import annotations

from archscope.cli.arguments import Output
from archscope.cli.terminal import emit


def command(output: Output = None) -> None:
    """Print the JSON Schema of the spec language.

    An editor that knows it completes and checks specs while you write. With VS Code's YAML extension or any
    other that uses yaml-language-server, put the second line below at the top of a spec.

    \b
    archscope schema -o archscope.schema.json
    # yaml-language-server: $schema=archscope.schema.json
    """
    from archscope.reader.schema import write_schema

    emit(write_schema().rstrip("\n"), output)
