"""Networks as source, ONNX files and workloads that need nothing of archscope; writing them needs no framework."""
