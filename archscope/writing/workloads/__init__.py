"""A network as a workload for models of accelerators: the loops of every product."""
