"""The training loop and the run directory that it writes."""
