"""Networks of JAX: Flax NNX and Equinox modules, read from the jaxpr that a call of them makes.

The module is traced without values, at inference, and is left as it was. Products are those of ``dot_general`` and
``conv_general_dilated`` in the jaxpr; whatever becomes a layer, the rows' products add up to them.
"""
