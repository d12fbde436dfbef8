"""Whether two recordings are of one speaker, and who of many speaks."""
