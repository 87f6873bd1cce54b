"""Images to features, to statistics, to distances, and what they say about a run."""
