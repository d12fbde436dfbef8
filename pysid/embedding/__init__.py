"""Embedding networks: layers, pooling, training heads, the training loop, extraction."""
