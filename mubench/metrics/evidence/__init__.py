"""Evidence from stored outputs: attacks, tests and breakdowns, one idea a file."""
