"""Kaldi's archives of vectors and matrices, and NumPy's."""
