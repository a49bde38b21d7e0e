"""A sweep from its plan to its report, for the command line and for Python."""
