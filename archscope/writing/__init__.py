"""Networks as source code that needs nothing of archscope; writing it needs no framework."""
