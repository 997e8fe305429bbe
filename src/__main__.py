"""`python -m src …`: the command line."""

import sys

from src.cli import main

sys.exit(main())
