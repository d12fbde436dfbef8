"""Kaldi's networks: their files without loss, the graph as a torch module, and exchange with `pysid.embedding`."""
