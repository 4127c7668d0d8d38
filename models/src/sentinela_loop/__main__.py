"""python -m sentinela_loop."""

import sys

from sentinela_loop.cli import main

sys.exit(main())
