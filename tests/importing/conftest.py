"""What is no module of tests."""

collect_ignore = ["keras_models.py"]  # a program of its own, where Keras runs on PyTorch
