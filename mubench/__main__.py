"""`python -m mubench` is the command line."""

from mubench.cli.main import main

main()
