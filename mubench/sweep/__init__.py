"""Running a plan with Ray Tune and Optuna. All that knows either of them is here."""
