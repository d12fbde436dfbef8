"""Diarization from local segmentation: who speaks in windows of some seconds, and which of these speakers are one.

    windows -> local speakers -> an embedding for each -> clustering, no two of a window together -> stitched turns

Source of the design: H. Bredin, "pyannote.audio 2.1 speaker diarization pipeline: principle, benchmark, and recipe",
Interspeech 2023.
"""
