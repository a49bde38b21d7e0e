"""The files of a sweep: records (Parquet), weights and outputs (safetensors), a lock."""
