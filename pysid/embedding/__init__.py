"""Embedding networks: layers, pooling, extraction; `fused` has quick forms of them."""
