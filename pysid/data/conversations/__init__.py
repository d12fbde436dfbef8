"""Conversations made from clips of single speakers, with their turns."""
