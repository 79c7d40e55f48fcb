"""``python -m archscope`` is ``archscope``."""

import sys

from archscope.cli import main

sys.exit(main())
