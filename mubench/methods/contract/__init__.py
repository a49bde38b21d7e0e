"""The contract of methods, clause by clause: `mubench check`."""
