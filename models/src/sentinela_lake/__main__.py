"""Runs the command line of sentinela_lake.cli."""

import sys

from sentinela_lake.cli import main

sys.exit(main())
