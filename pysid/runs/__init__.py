"""A model applied to many recordings: embeddings, scores, turns; by several processes or machines, resumable."""
