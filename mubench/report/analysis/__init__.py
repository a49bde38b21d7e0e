"""Statistics of records: aggregates, tests, ranks and claims."""
