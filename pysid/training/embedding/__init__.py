"""Training of embedding networks: from a data directory to a model directory."""
