"""The pages of the site that are made from the program itself, so that they cannot say anything else than it does.

Each module here has a function ``pages()``, which returns text by its path under ``docs/``.
"""
