"""Second opinions: independent witnesses of every number, and the figures people published.

A witness shares no formula with the rules of the layers. `verify` calls them; `compare` holds a module that
somebody else wrote against a network.
"""

from __future__ import annotations

from archscope.oracles.findings import Finding, Verdict
from archscope.oracles.verification import WITNESSES, Verification, Witness, verify

__all__ = ["WITNESSES", "Finding", "Verdict", "Verification", "Witness", "verify"]
