"""Synthesizes the example corpus beside this file: 16 voices of two free synthesizers, six utterances each.

Needs the programs espeak-ng and flite (see synthesis.py). `train` and `dev` share no voice; `dev` has a trial list of
all pairs. Run: python examples/make_voices.py
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile
from synthesis import ESPEAK, RATE, ROOM_NOISE, speak

from pysid.io.tables import Trial, spk2utt_from_utt2spk, write_spk2utt, write_table, write_trials

FOLDER = Path(__file__).parent

# name: (gender, command)
VOICES = {
    "train": {
        "awb": ("m", ["flite", "-voice", "awb"]),
        "kal": ("m", ["flite", "-voice", "kal16"]),
        "anika": ("f", [*ESPEAK, "-v", "en-us+anika"]),
        "belinda": ("f", [*ESPEAK, "-v", "en-gb+belinda"]),
        "boris": ("m", [*ESPEAK, "-v", "en-us+boris"]),
        "caleb": ("m", [*ESPEAK, "-v", "en-gb-scotland+caleb"]),
        "ed": ("m", [*ESPEAK, "-v", "en-us+ed"]),
        "linda": ("f", [*ESPEAK, "-v", "en-us+linda"]),
        "steph": ("f", [*ESPEAK, "-v", "en-gb-x-rp+steph"]),
        "zac": ("m", [*ESPEAK, "-v", "en-029+zac"]),
    },
    "dev": {
        "rms": ("m", ["flite", "-voice", "rms"]),
        "slt": ("f", ["flite", "-voice", "slt"]),
        "alicia": ("f", [*ESPEAK, "-v", "en-us+Alicia"]),
        "denis": ("m", [*ESPEAK, "-v", "en-gb-x-gbclan+Denis"]),
        "hugo": ("m", [*ESPEAK, "-v", "en-029+Hugo", "-p", "30"]),
        "storm": ("f", [*ESPEAK, "-v", "en-gb+Storm"]),
    },
}
TEXTS = [
    "The harbour was quiet when the first boats came in. Nobody had slept much that night.",
    "She put the kettle on and opened a window. Outside, two dogs were arguing about a ball.",
    "Please send the parcel to the old address. I will collect it there on Friday morning.",
    "A good map is worth more than a fast horse. My uncle used to say that every summer.",
    "The train to the coast leaves from platform nine. Change at the second stop for the lake.",
    "We measured the bridge twice and got three answers. In the end we asked the engineer.",
]


def synthesize(command: list[str], text: str, rng: np.random.Generator) -> np.ndarray:
    """(S,) float in [-1, 1] at 16 kHz, with a little noise and 0.2 s of it at each end."""
    speech = np.pad(speak(command, text), RATE // 5)
    return speech + ROOM_NOISE * rng.standard_normal(len(speech))


def make(part: str, rng: np.random.Generator) -> None:
    folder = FOLDER / part
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    wav_scp, utt2spk, utt2dur = {}, {}, {}
    for voice, (_, command) in sorted(VOICES[part].items()):
        for i, text in enumerate(TEXTS):
            name = f"{voice}-{i}"
            wave = synthesize(command, text, rng)
            soundfile.write(folder / "audio" / f"{name}.ogg", wave, RATE, format="OGG", subtype="OPUS")
            wav_scp[name], utt2spk[name] = f"audio/{name}.ogg", voice
            utt2dur[name] = f"{len(wave) / RATE:.3f}"
    spk2utt = spk2utt_from_utt2spk(utt2spk)
    write_table(folder / "wav.scp", wav_scp)
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "utt2dur", utt2dur)
    write_table(folder / "spk2gender", {v: gender for v, (gender, _) in sorted(VOICES[part].items())})
    write_spk2utt(folder / "spk2utt", spk2utt)
    if part == "dev":
        write_trials(folder / "trials", [Trial(a, b, utt2spk[a] == utt2spk[b]) for a, b in combinations(wav_scp, 2)])


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    make("train", rng)
    make("dev", rng)
