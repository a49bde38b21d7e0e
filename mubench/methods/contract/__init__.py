"""What every method owes, clause by clause: `mubench check`."""
