"""What a sweep leaves on disk: records (Parquet), weights and outputs (safetensors), a lock."""
