"""See :mod:`bench.capacity.cli`."""

import sys

from bench.capacity.cli import main

sys.exit(main())
