"""Data directories of published corpora, from the files as they are distributed."""
