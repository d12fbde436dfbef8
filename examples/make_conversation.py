"""Synthesizes the example conversations, and writes down who speaks when, and what.

In the meeting four colleagues plan an outing; in the follow-up two of them and somebody else talk about it. Makes
conversation/NAME.ogg, NAME.rttm and NAME-words.json, the words with the times at which the synthesizers say them, in
the form that Whisper gives its own. Needs the programs espeak-ng and flite (see synthesis.py).
Run: python examples/make_conversation.py [NAME]...
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from scipy.signal import lfilter, resample_poly
from synthesis import ESPEAK, RATE, speak
from word_times import TimedWord, word_times

from pysid.io.turns.rttm import write_rttm
from pysid.segments import Segment, Turn

FOLDER = Path(__file__).parent / "conversation"
START_S = 0.8  # before the first word
END_S = 1.0  # after the last
FRAME = RATE // 100  # where speech starts and ends is found to 10 ms
QUIET = 10 ** (-35 / 20)  # of a line's loudest frame: what is softer, at its ends, is not speech
ROOM_NOISE = 1e-3  # of full scale, the deeper the stronger, as from a fan

VOICES = {
    "anna": ["flite", "-voice", "slt"],
    "ben": ["flite", "-voice", "rms", "--setf", "duration_stretch=0.92"],
    "carla": [*ESPEAK, "-v", "en-gb+Annie", "-s", "165"],
    "david": ["flite", "-voice", "awb"],
    "erik": [*ESPEAK, "-v", "en-us+Mr serious", "-s", "160"],
}
DEEPER = {"ben": (25, 23)}  # played slower by this ratio, so that the two men are further apart
LOUDNESS = {"anna": 1.0, "ben": 0.9, "carla": 0.7, "david": 0.8, "erik": 0.8}  # they sit around one microphone


class Line(NamedTuple):
    """What is said, and how many seconds after the end of the line before; below 0, before that has ended."""

    speaker: str
    after_s: float
    text: str


SCRIPT = [
    Line("anna", 0.0, "Good morning everybody. Have you all seen my message about the outing on Saturday?"),
    Line("ben", 0.5, "I have, and I am coming. So where are we going this year?"),
    Line("carla", 0.6, "I would love to walk up to the old castle. The view over the valley is wonderful in autumn."),
    Line("david", 0.4, "The castle is closed for repairs until the end of the month. They said so in the paper."),
    Line("carla", 0.7, "Oh, that really is a pity."),
    Line("anna", 0.5, "Then what about the lake? A path goes all the way round, with a small cafe at the far end."),
    Line("ben", 0.4, "That sounds lovely. How long is that path?"),
    Line("anna", 0.6, "About nine miles. It takes four hours, or five if David stops for every bird."),
    Line("david", 0.8, "The birds have earned it, you know. Last time we saw two herons and a kingfisher."),
    Line("carla", 0.5, "I can bring sandwiches for all of us, and two large flasks of tea."),
    Line("ben", 0.4, "And I can take three people in my car, so that nobody has to wait for the bus on that day."),
    Line("david", -0.7, "Only if somebody else is in charge of the music, this time!"),
    Line("anna", 0.7, "What about the weather? I heard that it might rain in the afternoon."),
    Line("david", 0.5, "It should stay dry until six. I looked at the forecast an hour ago."),
    Line("carla", 0.4, "Let us start early, then. Would eight o'clock be all right for everyone?"),
    Line("ben", 0.6, "Eight is fine. I will wait at the station first, and then at the stone bridge."),
    Line("anna", 0.5, "Perfect. And please wear good shoes, as the eastern shore can be very muddy."),
    Line("carla", 0.4, "I am looking forward to it already. See you all on Saturday!"),
    Line("ben", 0.3, "See you then, and have a good week."),
]
FOLLOWUP = [
    Line("erik", 0.0, "Hello, I am sorry that I could not come along on Saturday. How was the lake?"),
    Line("anna", 0.5, "It was beautiful. We had sunshine all day, and the path was hardly muddy at all."),
    Line("david", 0.4, "And we saw the kingfisher again, right beside the stone bridge."),
    Line("erik", 0.6, "Then I have missed something. Is there going to be another outing in the spring?"),
    Line("anna", 0.5, "I should think so. The castle will be open by then, and Carla still wants to see it."),
    Line("david", 0.7, "Just send us a message in good time, and I will keep the weekend free."),
    Line("erik", 0.4, "Please count me in as well. I will bring the sandwiches."),
]
SCRIPTS = {"meeting": SCRIPT, "followup": FOLLOWUP}


def synthesize(line: Line) -> tuple[np.ndarray, list[TimedWord]]:
    """(S,) the speech of a line, from its first to its last sound, and its words."""
    wave = speak(VOICES[line.speaker], line.text)
    if line.speaker in DEEPER:
        wave = resample_poly(wave, *DEEPER[line.speaker])
    frames = wave[: len(wave) // FRAME * FRAME].reshape(-1, FRAME)
    level = np.sqrt(np.mean(frames**2, axis=1))
    loud = np.flatnonzero(level > QUIET * level.max())
    slower = np.divide(*DEEPER.get(line.speaker, (1, 1)))
    cut_s, end_s = loud[0] * FRAME / RATE, (loud[-1] + 1 - loud[0]) * FRAME / RATE
    words = [
        TimedWord(text, *(float(np.clip(slower * x - cut_s, 0, end_s)) for x in times))
        for text, *times in word_times(VOICES[line.speaker], line.text)
    ]
    return LOUDNESS[line.speaker] * wave[loud[0] * FRAME : (loud[-1] + 1) * FRAME], words


def room_noise(size: int) -> np.ndarray:
    """(size,) noise that falls with the frequency."""
    white = np.random.default_rng(0).standard_normal(size)
    return ROOM_NOISE * lfilter([np.sqrt(1 - 0.9**2)], [1.0, -0.9], white)


def make(script: list[Line]) -> tuple[np.ndarray, list[Turn], list[list[TimedWord]]]:
    """The conversation, (S,) float in [-1, 1] at 16 kHz, its turns, and the words of each."""
    placed, turns, said = [], [], []
    end = round(START_S * RATE)
    for line in script:
        speech, words = synthesize(line)
        start = end + round(line.after_s * RATE)
        end = start + len(speech)
        placed.append((start, speech))
        turns.append(Turn(Segment(start / RATE, end / RATE), line.speaker))
        said.append([TimedWord(x.text, start / RATE + x.start_s, start / RATE + x.end_s) for x in words])
    wave = room_noise(end + round(END_S * RATE))
    for start, speech in placed:
        wave[start : start + len(speech)] += speech
    return wave, turns, said


def as_whisper(said: list[list[TimedWord]]) -> dict[str, Any]:
    """The words as Whisper writes them with --word_timestamps True; a line is a segment."""
    segments = [
        {
            "id": i,
            "start": round(words[0].start_s, 2),
            "end": round(words[-1].end_s, 2),
            "text": "".join(f" {word.text}" for word in words),
            "words": [
                {
                    "word": f" {word.text}",
                    "start": round(word.start_s, 2),
                    "end": round(word.end_s, 2),
                    "probability": 1.0,
                }
                for word in words
            ],
        }
        for i, words in enumerate(said)
    ]
    return {"text": "".join(segment["text"] for segment in segments), "segments": segments, "language": "en"}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCRIPTS:
        wave, turns, said = make(SCRIPTS[name])
        soundfile.write(FOLDER / f"{name}.ogg", wave, RATE, format="OGG", subtype="OPUS", compression_level=0.92)
        write_rttm(FOLDER / f"{name}.rttm", {name: turns})
        (FOLDER / f"{name}-words.json").write_text(json.dumps(as_whisper(said), indent=1) + "\n")
