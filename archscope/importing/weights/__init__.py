"""Weights in files without a network: names, shapes and types from their headers; no tensor is read."""
