"""Waveforms out of audio files."""
