"""The generator for other programs."""
