"""``python -m tests.golden`` writes every golden anew."""

from tests import golden
from tests.difference import golden as differences

golden.write_all()
differences.write_all()
