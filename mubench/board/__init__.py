"""The leaderboard: many sweeps as small files of rows, and a static site made of them."""
