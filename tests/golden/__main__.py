"""``python -m tests.golden`` writes every golden anew."""

from tests.golden import write_all

write_all()
