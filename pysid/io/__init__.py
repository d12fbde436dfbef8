"""Files in and out: audio, Kaldi tables, archives of vectors and matrices."""
