"""Witnesses of a module that somebody wrote: each sends its tool through a stand-in of the module itself.

What stands in is a shadow, of which nothing is the user's: no hook of a tool, no cache and no counter stays behind.
"""
