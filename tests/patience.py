"""The one time that a test knows: when to give up what hangs. No test passes or fails by how fast a machine is."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 1800
"""Seconds after which nobody believes any more that a program will end."""
