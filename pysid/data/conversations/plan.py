"""Who speaks when in simulated conversations: planned without audio; a conversation depends on its number alone.

The defaults are the protocol of a published PyTorch port of Kaldi's recipe: 400 conversations of 20 to 50 pieces, at
most four speakers, pieces of at least 3 s, one directly after the other.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pysid.data.conversations.scenes import SceneConfig
from pysid.errors import DataError
from pysid.frontend.webrtc import SAMPLE_RATES
from pysid.segments import Segment, Turn


@dataclass(frozen=True, kw_only=True)
class ConversationConfig:
    """How conversations are put together.

    Attributes:
        n_conversations: how many; each is the same however many there are.
        min_pieces, max_pieces: pieces of a conversation, drawn uniformly.
        min_speakers, max_speakers: speakers of a conversation, drawn uniformly; each of them speaks.
        min_piece_s: clips that are shorter between their first and their last speech are not used.
        max_piece_s: of longer clips a part of this length is used, from anywhere in them; None uses them whole.
        cut_to_s: every piece is a part of its clip, of a length drawn on a logarithmic scale from this to what would be
            used otherwise; None cuts no more than `max_piece_s` says.
        turn_taking: "random" draws each next speaker among all in the conversation, the last one included; "alternate"
            among the others.
        pause_s: mean of the pauses between pieces, exponentially distributed; 0 for none.
        max_pause_s: the mean differs between conversations, drawn on a logarithmic scale from `pause_s` to this;
            None has `pause_s` in all.
        overlap: probability that a piece begins before the one before it, of another speaker, has ended.
        max_overlap_s: the longest such overlap, and
        max_overlap_share: the longest as a share of the shorter piece. Overlaps are drawn uniformly up to the lower of
            the two.
        gain_db: a speaker is made louder or softer by up to this, drawn uniformly.
        noise_snr_db: how far the noise that fills pauses lies below the softest piece; None leaves digital silence.
        scene: what surrounds them where rooms or sounds are given, instead of the noise in pauses.
        reference: "speech" says where in the pieces there is speech, "pieces" takes each as speech from end to end.
        inner_pause_s: a longer pause within a piece is not speech in the reference.
        sample_rate: Hz, of what is written; clips are resampled to it.
        seed: of all choices.
    """

    n_conversations: int = 400
    min_pieces: int = 20
    max_pieces: int = 50
    min_speakers: int = 2
    max_speakers: int = 4
    min_piece_s: float = 3.0
    max_piece_s: float | None = None
    cut_to_s: float | None = None
    turn_taking: Literal["random", "alternate"] = "random"
    pause_s: float = 0.0
    max_pause_s: float | None = None
    overlap: float = 0.0
    max_overlap_s: float = 2.0
    max_overlap_share: float = 0.5
    gain_db: float = 0.0
    noise_snr_db: float | None = 30.0
    scene: SceneConfig = field(default_factory=SceneConfig)
    reference: Literal["speech", "pieces"] = "speech"
    inner_pause_s: float = 0.5
    sample_rate: int = 16000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_conversations < 1:
            raise ValueError(f"n_conversations must be at least 1, got {self.n_conversations}")
        if not 1 <= self.min_speakers <= self.max_speakers <= self.min_pieces <= self.max_pieces:
            raise ValueError(
                "conversations need 1 <= min_speakers <= max_speakers <= min_pieces <= max_pieces, got "
                f"{self.min_speakers}, {self.max_speakers}, {self.min_pieces} and {self.max_pieces}"
            )
        longest_s = math.inf if self.max_piece_s is None else self.max_piece_s
        if not 0 < self.min_piece_s <= longest_s:
            raise ValueError(f"pieces need 0 < min_piece_s <= max_piece_s, got {self.min_piece_s} and {longest_s}")
        if self.cut_to_s is not None and not 0 < self.cut_to_s <= self.min_piece_s:
            raise ValueError(f"cut_to_s must lie in (0, min_piece_s={self.min_piece_s:g}], got {self.cut_to_s}")
        if self.turn_taking == "alternate" and self.min_speakers < 2:
            raise ValueError("alternate turn-taking needs min_speakers of 2 or more")
        if min(self.pause_s, self.max_overlap_s, self.gain_db, self.inner_pause_s, self.seed) < 0:
            raise ValueError("pause_s, max_overlap_s, gain_db, inner_pause_s and seed must not be negative")
        if self.max_pause_s is not None and not 0 < self.pause_s <= self.max_pause_s:
            raise ValueError(f"max_pause_s needs 0 < pause_s <= max_pause_s, got {self.pause_s} and {self.max_pause_s}")
        if not 0 <= self.overlap <= 1 or not 0 <= self.max_overlap_share <= 0.5:
            raise ValueError("overlap must lie in [0, 1], max_overlap_share in [0, 0.5] (three must not talk at once)")
        if self.sample_rate not in SAMPLE_RATES:
            raise ValueError(f"sample_rate must be one of {', '.join(map(str, SAMPLE_RATES))}, got {self.sample_rate}")


@dataclass(frozen=True)
class Clip:
    """An utterance and where in it there is speech: segments in order of time, at least one."""

    utterance: str
    speaker: str
    speech: tuple[Segment, ...]

    @property
    def span(self) -> Segment:
        """From the first speech to the last."""
        return Segment(self.speech[0].start_s, self.speech[-1].end_s)


@dataclass(frozen=True)
class Piece:
    """A part of a clip at its place in a conversation.

    Attributes:
        part: the part, in seconds from the start of the utterance.
        start_s: where it begins in the conversation.
        gain_db: what it is amplified by.
    """

    clip: Clip
    part: Segment
    start_s: float
    gain_db: float = 0.0

    @property
    def end_s(self) -> float:
        """Where it ends in the conversation, to the hundredth of a second."""
        return _hundredths(self.start_s + self.part.duration_s)

    def turns(self, reference: Literal["speech", "pieces"]) -> Iterator[Turn]:
        """Where its speaker speaks, in seconds from the start of the conversation."""
        for span in self.clip.speech if reference == "speech" else (self.part,):
            start_s, end_s = max(span.start_s, self.part.start_s), min(span.end_s, self.part.end_s)
            if start_s < end_s:
                shift_s = self.start_s - self.part.start_s
                yield Turn(Segment(_hundredths(start_s + shift_s), _hundredths(end_s + shift_s)), self.clip.speaker)


@dataclass(frozen=True)
class Conversation:
    """Pieces in the order in which they begin. All times are whole hundredths of a second."""

    id: str
    pieces: tuple[Piece, ...]

    @property
    def duration_s(self) -> float:
        """From 0 to the end of the last piece."""
        return max(piece.end_s for piece in self.pieces)

    @property
    def speakers(self) -> list[str]:
        """Who speaks, in the order of first appearance."""
        return list(dict.fromkeys(piece.clip.speaker for piece in self.pieces))

    def turns(self, reference: Literal["speech", "pieces"]) -> list[Turn]:
        """Who speaks when, in order of time; turns of one speaker that touch are one."""
        merged: list[Turn] = []
        last: dict[str, int] = {}  # where in `merged` a speaker's latest turn stands
        for turn in (turn for piece in self.pieces for turn in piece.turns(reference)):
            at = last.get(turn.speaker)
            if at is not None and turn.segment.start_s <= merged[at].segment.end_s:
                merged[at] = Turn(Segment(merged[at].segment.start_s, turn.segment.end_s), turn.speaker)
            else:
                last[turn.speaker] = len(merged)
                merged.append(turn)
        return sorted(merged)


class ConversationPlan:
    """Draws conversations out of clips, in whatever order these come.

    Raises:
        DataError: fewer speakers than `max_speakers` have a clip that is long enough.
    """

    def __init__(self, clips: Iterable[Clip], config: ConversationConfig) -> None:
        self.config = config
        self._clips: dict[str, list[Clip]] = {}
        speakers = set()
        for clip in sorted(clips, key=lambda clip: (clip.speaker, clip.utterance)):
            speakers.add(clip.speaker)
            if clip.span.duration_s >= config.min_piece_s:
                self._clips.setdefault(clip.speaker, []).append(clip)
        if len(self._clips) < config.max_speakers:
            raise DataError(
                f"{len(self._clips)} of {len(speakers)} speakers have a recording with {config.min_piece_s:g} s of "
                f"speech; conversations of up to {config.max_speakers} speakers need {config.max_speakers}"
            )

    @property
    def n_speakers(self) -> int:
        """Speakers who have a clip that is long enough."""
        return len(self._clips)

    @property
    def n_clips(self) -> int:
        """Clips that are long enough."""
        return sum(map(len, self._clips.values()))

    def conversation(self, number: int) -> Conversation:
        """The conversation of a number, counted from 1: a function of the clips, the settings and the number only."""
        c = self.config
        rng = np.random.default_rng([c.seed, number])
        n_pieces = int(rng.integers(c.min_pieces, c.max_pieces, endpoint=True))
        n_speakers = int(rng.integers(c.min_speakers, c.max_speakers, endpoint=True))
        names = list(self._clips)
        speakers = [names[i] for i in rng.choice(len(names), n_speakers, replace=False)]
        decks = [_in_rounds(rng, self._clips[speaker]) for speaker in speakers]
        gains = [_hundredths(x) for x in rng.uniform(-c.gain_db, c.gain_db, n_speakers)]
        pause_s = c.pause_s if c.max_pause_s is None else _log_uniform(rng, c.pause_s, c.max_pause_s)
        pieces: list[Piece] = []
        for speaker in _turn_order(rng, n_speakers, n_pieces, c.turn_taking):
            clip = next(decks[speaker])
            part = _random_part(rng, clip.span, _longest(rng, clip.span.duration_s, c))
            start_s = _start(rng, pieces[-1], clip.speaker, part.duration_s, c, pause_s) if pieces else 0.0
            pieces.append(Piece(clip, part, start_s, gains[speaker]))
        return Conversation(f"conv-{number:04d}", tuple(pieces))


def _in_rounds(rng: np.random.Generator, clips: Sequence[Clip]) -> Iterator[Clip]:
    """All clips in shuffled order, then all again in another one: none is repeated before all have been used."""
    while True:
        for i in rng.permutation(len(clips)):
            yield clips[i]


def _turn_order(rng: np.random.Generator, n_speakers: int, n_pieces: int, turn_taking: str) -> list[int]:
    """(n_pieces,) speakers below n_speakers; towards the end, those that have not spoken yet are called on."""
    order: list[int] = []
    silent = set(range(n_speakers))
    for n_left in range(n_pieces, 0, -1):
        candidates = sorted(silent) if len(silent) == n_left else list(range(n_speakers))
        if turn_taking == "alternate" and order and order[-1] in candidates:
            candidates.remove(order[-1])
        order.append(candidates[rng.integers(len(candidates))])
        silent.discard(order[-1])
    return order


def _longest(rng: np.random.Generator, duration_s: float, config: ConversationConfig) -> float | None:
    """How long the piece of a clip may be, in seconds."""
    if config.cut_to_s is None:
        return config.max_piece_s
    longest_s = duration_s if config.max_piece_s is None else min(duration_s, config.max_piece_s)
    return _hundredths(_log_uniform(rng, config.cut_to_s, longest_s))


def _random_part(rng: np.random.Generator, span: Segment, max_piece_s: float | None) -> Segment:
    if max_piece_s is None or span.duration_s <= max_piece_s:
        return span
    n_places = round(100 * (span.duration_s - max_piece_s))
    start_s = _hundredths(span.start_s + int(rng.integers(n_places, endpoint=True)) / 100)
    return Segment(start_s, min(span.end_s, _hundredths(start_s + max_piece_s)))


def _start(
    rng: np.random.Generator, last: Piece, speaker: str, duration_s: float, config: ConversationConfig, pause_s: float
) -> float:
    """Where the piece after `last` begins: in it, at its end, or after a pause."""
    if speaker != last.clip.speaker and rng.random() < config.overlap:
        shorter_s = min(duration_s, last.part.duration_s)
        longest_s = min(config.max_overlap_s, config.max_overlap_share * shorter_s)
        return _hundredths(last.end_s - math.floor(100 * rng.uniform(0.0, longest_s)) / 100)
    return _hundredths(last.end_s + rng.exponential(pause_s))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def _hundredths(x: float) -> float:
    return round(float(x), 2)
