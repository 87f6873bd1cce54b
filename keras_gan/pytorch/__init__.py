"""The same GANs in PyTorch, to compare with, and their weights."""
