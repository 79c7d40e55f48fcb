"""What is no module of tests."""

collect_ignore = [
    "keras_models.py",
    "keras_options.py",
    "keras_law.py",
]  # programs of their own, where Keras runs on PyTorch
