"""Keras models, ``.keras`` and ``.json``, by their configuration: the standard library reads it, Keras does not run."""
