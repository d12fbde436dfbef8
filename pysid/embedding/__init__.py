"""Embedding networks: layers, pooling, extraction; `fused` has faster forms of them."""
