"""A scene as a file: one module a format."""
