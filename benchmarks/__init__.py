"""Tables of how close to Kaldi's numbers pysid is, and how fast. See README.md."""
