"""Corpora: Kaldi data directories, and what training and scoring take from them."""
