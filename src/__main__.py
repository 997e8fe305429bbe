"""`python -m src …`: the command line."""

import sys

from src.system.program import missing

try:
    from src.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"error: {missing(error.name)}")

sys.exit(main())
