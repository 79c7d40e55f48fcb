"""Mutated specs and result files, random networks and hostile text, for as long as one likes: ``python -m tools.fuzz``.

Each harness is a function of a random number generator that tries one thing and says what went wrong, if anything did.
The same seed tries the same thing; `tests/test_fuzz.py` tries a few of each.
"""
