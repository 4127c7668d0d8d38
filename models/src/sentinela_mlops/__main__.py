"""python -m sentinela_mlops."""

import sys

from sentinela_mlops.cli import main

sys.exit(main())
