"""Conversations made of clips of single speakers, with their turns."""
