"""Running a plan: one step in this process, and what follows a run."""
