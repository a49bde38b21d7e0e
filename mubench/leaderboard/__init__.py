"""The leaderboard: rows of many sweeps, ranking, site and comparison."""
