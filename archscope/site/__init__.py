"""Documentation pages, made from everything archscope knows about a network."""

from __future__ import annotations

from archscope.site.build import FORMATS, Site, build
from archscope.site.output import MANIFEST, Plan, plan

__all__ = ["FORMATS", "MANIFEST", "Plan", "Site", "build", "plan"]
