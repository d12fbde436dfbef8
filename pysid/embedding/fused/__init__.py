"""Faster forms of networks: batch normalization folded into other layers, long recordings in blocks of frames."""
