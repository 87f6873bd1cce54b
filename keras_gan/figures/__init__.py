"""Pictures: sample grids, charts, montages and GIFs."""
