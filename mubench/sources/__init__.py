"""Where data come from, how they are divided, and their cache on disk. No torch here."""
