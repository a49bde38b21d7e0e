"""What every method owes, whatever its algorithm: clauses that are run in a small world."""
