"""MLflow as a view of the records: the only place that knows MLflow."""
