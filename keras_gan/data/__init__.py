"""Images: where they come from, how they are read, and what range their pixels have."""
