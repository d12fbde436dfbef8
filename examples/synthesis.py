"""Speech out of two free synthesizers, the programs espeak-ng and flite (Debian packages of those names).

Flite's voices are free software under licences like BSD's, and what espeak-ng says is unencumbered (it is under the
GPL, its output is not): what is synthesized here may be used for anything.
"""

import subprocess
import tempfile

import numpy as np

from pysid.io.audio.files import read_audio

RATE = 16000  # Hz
ROOM_NOISE = 3e-4  # of full scale: a recording is never digitally silent
ESPEAK = ["espeak-ng", "-a", "120"]


def speak(command: list[str], text: str) -> np.ndarray:
    """(S,) float at 16 kHz, with a peak of 0.5.

    Args:
        command: the program and what chooses its voice, to which an option for the output and the text are added.
    """
    with tempfile.TemporaryDirectory() as folder:
        wav = f"{folder}/speech.wav"
        options = ["-o", wav, "-t", text] if command[0] == "flite" else ["-w", wav, text]
        subprocess.run([*command, *options], check=True, timeout=60)
        wave, _ = read_audio(wav, sample_rate=RATE)
    return 0.5 * wave / np.abs(wave).max()
