"""Kaldi's basic types, in both of its formats, and its files of options."""
