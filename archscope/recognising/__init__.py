"""Which layer a function on tensors is: shared by all that read networks from what somebody else has written.

A reader says what was called, with the arguments that PyTorch's function of that name has; of tensors it needs the
shapes alone. What no layer type describes keeps its shapes, its weights and what its operations multiply; what nobody
knows is not covered.
"""
