"""Turns of speakers in the formats of other programs."""
