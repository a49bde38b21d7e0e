"""The background process of a running sweep; `mubench.tracking.background` starts it."""

import sys
from pathlib import Path

from mubench.tracking.background import follow

if __name__ == "__main__":
    follow(Path(sys.argv[1]))
