"""Clips of single speakers, decoded, with the frames in which they speak: the truth of everything mixed from them."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from pysid.data.conversations.clip_speech import clip_speech
from pysid.data.corpus import Corpus
from pysid.errors import DataError, Skipped
from pysid.progress import track
from pysid.training.decoded import DecodedWaves
from pysid.training.left_out import tell_unreadable
from pysid.training.segmentation.habits import Said

FindSpeech = Callable[[Sequence[np.ndarray]], list[np.ndarray]]

LEAST_SPEECH_S = 0.8  # in a clip that is used
INNER_PAUSE_S = 0.2  # shorter pauses are part of the speech around them
LEAST_LEVEL = 8.0  # root mean square of the speech of a clip that is used, at int16 scale
LONGEST_PAUSE_S = 0.8  # within a turn; in the reference of `habits` no speaker pauses for less than 0.84 s
HESITANT = 0.5  # of speakers, who talk in phrases
PHRASE_S = (0.5, 2.5)  # shortest and longest length of phrases that a speaker has on average
HOLD_S = (0.1, 0.36)  # likewise, of the pauses between them
WHOLE_CLIPS = 0.3  # of speakers whose turns mostly begin where a clip does, as people begin sentences
BEFORE_S = 0.1  # speech, a turn that begins with a clip begins
PAUSE_S = 0.16  # mean between the clips of a turn that takes several, where there are no phrases
RAMP_S = 0.005  # over which a piece comes and goes
LONGEST_S = 600.0  # of a clip, in which speech is looked for at a time
AT_ONCE_S = 160.0  # of clips, or a little more, in which it is looked for together


class Voices:
    """What speakers said.

    Attributes:
        names: (N,) of clips.
        lengths: (N,) samples of clips.

    Args:
        names: (N,) of clips, for messages.
        speakers: (N,) of clips.
        read: the waveform of clip i in blocks (S_j,), at int16 scale.
        find_speech: says of waveforms in which frames of each there is speech: (F,) bool.
        sample_rate: Hz.
        step_s: from one frame to the next.
    Raises:
        DataError: too many clips cannot be read, see `tell_unreadable`, or none has speech.
    """

    def __init__(
        self,
        names: Sequence[str],
        speakers: Sequence[str],
        read: Callable[[int], Iterable[np.ndarray]],
        find_speech: FindSpeech,
        sample_rate: int,
        step_s: float,
    ) -> None:
        self.sample_rate = sample_rate
        self.hop = round(step_s * sample_rate)
        self._waves = DecodedWaves(track(range(len(names)), "decoding"), read)
        self.names = names
        self.lengths = np.array([self._waves.n_samples(i) for i in range(len(names))], np.int64)
        self.speech = [np.zeros(0, bool) for _ in names]  # (F,) of each clip
        energies = np.zeros(len(names))
        skipped = Skipped()
        for group in self._groups(track(range(len(names)), "finding speech"), skipped):
            numbers, waves = zip(*group, strict=True)
            for i, wave, speech in zip(numbers, waves, find_speech(waves), strict=True):
                own = speech[: len(wave) // self.hop]
                said = wave[: len(own) * self.hop].reshape(-1, self.hop)[own]
                energies[i] += np.sum(np.square(said, dtype=np.float64))
                self.speech[i] = np.concatenate([self.speech[i], own])
        sizes = np.array([max(int(speech.sum()), 1) * self.hop for speech in self.speech])
        self.levels: list[float] = np.sqrt(energies / sizes).tolist()  # root mean square of the speech of each clip
        self.clips: dict[str, list[int]] = {}  # of each speaker
        for i, (speaker, speech, level) in enumerate(zip(speakers, self.speech, self.levels, strict=True)):
            if speech.sum() * step_s >= LEAST_SPEECH_S and level >= LEAST_LEVEL:
                self.clips.setdefault(speaker, []).append(i)
        tell_unreadable(skipped, len(names), "voices")
        if not self.clips:
            raise DataError(f"expected clips with {LEAST_SPEECH_S:g} s of speech, got none among {len(names)}")
        self.speakers = sorted(self.clips)
        counts = np.array([len(self.clips[s]) for s in self.speakers], float)
        self._chances = (
            np.sqrt(counts) / np.sqrt(counts).sum()
        )  # who has more clips is heard more often, but not by far

    @classmethod
    def of_corpora(
        cls,
        corpora: Sequence[Corpus],
        find_speech: FindSpeech,
        sample_rate: int,
        step_s: float,
        allow_pipes: bool = False,
    ) -> "Voices":
        """Those of data directories.

        Args:
            corpora: with utt2spk.
            find_speech, sample_rate, step_s: as of `Voices`.
            allow_pipes: wav.scp may have commands, which are run.
        Raises:
            DataError: there is no utt2spk, too many clips cannot be read, or none has speech.
        """
        for corpus in corpora:
            if not corpus.utt2spk:
                raise DataError(f"{corpus.directory / 'utt2spk'}: expected the speakers of the clips, got no such file")
        places = [(corpus, name) for corpus in corpora for name in corpus.ids]
        speakers = [speaker for corpus in corpora for speaker in corpus.speaker_of_each()]

        def read(i: int) -> Iterator[np.ndarray]:
            corpus, name = places[i]
            return corpus.wave_blocks(corpus[name], sample_rate, allow_pipes=allow_pipes)

        try:
            return cls([name for _, name in places], speakers, read, find_speech, sample_rate, step_s)
        except DataError as error:
            raise DataError(f"{', '.join(str(corpus.directory) for corpus in corpora)}: {error}") from None

    def _groups(self, numbers: Iterable[int], skipped: Skipped) -> Iterator[list[tuple[int, np.ndarray]]]:
        """Numbers of clips and stretches of them in order, as many at a time as speech is looked for in together."""
        longest = round(LONGEST_S * self.sample_rate / self.hop) * self.hop
        group: list[tuple[int, np.ndarray]] = []
        size = 0
        for i in numbers:
            for start in range(0, max(self._waves.n_samples(i), 1), longest):
                with skipped.on_error(self.names[i]):
                    group.append((i, self._waves.read(i, start, longest)))
                    size += len(group[-1][1])
                if size >= AT_ONCE_S * self.sample_rate:
                    yield group
                    group, size = [], 0
        if group:
            yield group

    def draw(self, n: int, rng: np.random.Generator) -> list[str]:
        """Different speakers; fewer than `n` where there are no more."""
        n = min(n, len(self.speakers))
        return [self.speakers[i] for i in rng.choice(len(self.speakers), n, replace=False, p=self._chances)]

    def looped(self, i: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
        """(n_samples,) of a clip from anywhere on, again and again, its speech at unit power.

        Args:
            i: number of the clip.
            n_samples: as many as are wanted.
            rng: draws the place.
        """
        total = self._waves.n_samples(i)
        first = -int(rng.integers(total)) % total
        wave = self._waves.read(i, first, n_samples)
        if first and len(wave) < n_samples:
            wave = np.concatenate([wave, self._waves.read(i, 0, first)])
        return np.resize(wave, n_samples) / np.float32(max(self.levels[i], LEAST_LEVEL))

    def track(
        self, speaker: str, said: Sequence[Said], gains: Sequence[float], n_frames: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """What a speaker says in a conversation, each piece cut out of clips and multiplied with a gain.

        Args:
            speaker: one of `speakers`.
            said: when; its numbers of speakers are not looked at.
            gains: a factor for each of `said`.
            n_frames: of the conversation.
        Returns:
            wave (n_frames hop,) float32, its speech at unit power times the gains; active (n_frames,) bool.
        """
        wave, active = np.zeros(n_frames * self.hop, np.float32), np.zeros(n_frames, bool)
        step_s = self.hop / self.sample_rate
        whole, hesitant = rng.random() < WHOLE_CLIPS, rng.random() < HESITANT
        phrase_s, hold_s = rng.uniform(*PHRASE_S), rng.uniform(*HOLD_S) if hesitant else PAUSE_S
        for turn, gain in zip(said, gains, strict=True):
            at, stop = round(turn.start_s / step_s), round(turn.end_s / step_s)
            while at < min(stop, n_frames):
                clip = self.clips[speaker][rng.integers(len(self.clips[speaker]))]
                heard = np.flatnonzero(self.speech[clip])
                if whole and rng.random() < 0.7:
                    first = max(int(heard[0]) - round(BEFORE_S / step_s), 0)
                else:
                    first = int(heard[rng.integers(len(heard))])
                size = min(len(self.speech[clip]) - first, stop - at)
                if hesitant:
                    size = min(size, max(8, round(phrase_s * np.exp(rng.normal(0, 0.7)) / step_s)))
                self._add_part(wave, active, clip, first, at, size, gain)
                at += max(size, 1) + int(min(rng.exponential(hold_s), LONGEST_PAUSE_S) / step_s)
        bridge_pauses(active, round(LONGEST_PAUSE_S / step_s))
        return wave, active

    def _add_part(
        self, wave: np.ndarray, active: np.ndarray, clip: int, first: int, at: int, size: int, gain: float
    ) -> None:
        """Adds frames [first, first + size) of a clip from frame `at` on, as far as they lie within."""
        low, high = max(0, -at), min(size, len(active) - at)
        if high <= low:
            return
        hop = self.hop
        piece = self._waves.read(clip, (first + low) * hop, (high - low) * hop)
        piece *= np.float32(gain / self.levels[clip])
        n = min(round(RAMP_S * self.sample_rate), len(piece) // 2)
        ramp = np.linspace(0, 1, n, dtype=np.float32)
        piece[:n] *= ramp
        piece[len(piece) - n :] *= ramp[::-1]
        wave[(at + low) * hop : (at + high) * hop] += piece
        active[at + low : at + high] |= self.speech[clip][first + low : first + high]


def bridge_pauses(active: np.ndarray, longest: int) -> None:
    """Makes pauses of up to `longest` frames speech, in place.

    >>> active = np.array([0, 1, 0, 0, 1, 0, 0, 0, 1, 0], bool)
    >>> bridge_pauses(active, 2)
    >>> active.astype(int).tolist()
    [0, 1, 1, 1, 1, 0, 0, 0, 1, 0]
    """
    spoken = np.flatnonzero(active)
    for i in np.flatnonzero((np.diff(spoken) > 1) & (np.diff(spoken) <= longest + 1)):
        active[spoken[i] : spoken[i + 1]] = True


def webrtc_speech(sample_rate: int, step_s: float) -> FindSpeech:
    """Speech of clips by WebRTC's detector and rules about lengths; see `clip_speech`."""

    def find(waves: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = [np.zeros(round(len(wave) / sample_rate / step_s), bool) for wave in waves]
        for wave, active in zip(waves, found, strict=True):
            for segment in clip_speech(wave, sample_rate, INNER_PAUSE_S):
                active[round(segment.start_s / step_s) : round(segment.end_s / step_s)] = True
        return found

    return find
