"""A network as an ONNX file, operators and weights, written without PyTorch."""
