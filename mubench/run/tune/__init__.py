"""Many steps: walks the plan; Ray and Optuna are imported only here."""
