"""The exit codes of the command line."""

OK, FAILED, BAD_INPUT, INTERRUPTED, STOPPED = 0, 1, 2, 130, 143
