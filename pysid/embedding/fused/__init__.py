"""Networks as the processor likes them: batch normalization folded away, long recordings in blocks of frames."""
