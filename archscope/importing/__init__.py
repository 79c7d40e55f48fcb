"""Networks from files that other tools write: ONNX, Keras and Caffe.

A reader yields facts alone: operators with their attributes, weights by name and shape, shapes, where each stands.
What layers they are is said by `archscope.recognising`, as for a module that runs. Nothing here needs PyTorch.
"""
