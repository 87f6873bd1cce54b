"""A run on disk: its config.json, its history and its metrics."""
