"""What a style raises that does not show a network."""

from __future__ import annotations

from archscope.errors import UsageError


class NotShownError(UsageError):
    """A style does not show a network: says why. Whoever knows all styles adds which one does."""
