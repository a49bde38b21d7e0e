"""Many steps: the schedule of a plan; Ray and Optuna are imported only here."""
