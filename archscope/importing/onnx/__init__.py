"""ONNX files, read through ``onnx-ir``: the graph and the shapes, and none of the weights' values."""
