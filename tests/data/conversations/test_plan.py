"""Plans of conversations: what they promise, for every setting, and what they are in the mean."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from pysid.data.conversations.plan import Clip, Conversation, ConversationConfig, ConversationPlan, Piece
from pysid.errors import DataError
from pysid.segments import Segment, Turn


def make_clips(n_speakers=8):
    """Three to seven clips a speaker, 1 to 9 s between their ends, with a pause in every second one."""
    rng = np.random.default_rng(0)
    clips = []
    for s in range(n_speakers):
        for i in range(3 + s % 5):
            start_s, length_s = round(rng.uniform(0, 2), 2), round(rng.uniform(1, 9), 2) if i else 5.0
            a, b, c, d = (round(start_s + length_s * x, 2) for x in (0.0, 0.3, 0.6, 1.0))
            parts = (Segment(a, b), Segment(c, d)) if i % 2 else (Segment(a, d),)
            clips.append(Clip(f"s{s}-{i}", f"s{s}", parts))
    return clips


CLIPS = make_clips()
CONFIGS = {
    "default": ConversationConfig(),
    "short": ConversationConfig(min_pieces=4, max_pieces=4, min_speakers=4, min_piece_s=2.0),
    "parts": ConversationConfig(max_piece_s=3.0),
    "short parts": ConversationConfig(cut_to_s=0.5, max_piece_s=3.0),
    "alternate": ConversationConfig(turn_taking="alternate", min_pieces=5, max_speakers=5),
    "pauses": ConversationConfig(pause_s=0.7, gain_db=6.0),
    "unlike pauses": ConversationConfig(pause_s=0.1, max_pause_s=10.0),
    "overlap": ConversationConfig(overlap=1.0, max_overlap_s=10.0, pause_s=0.2),
    "some overlap": ConversationConfig(overlap=0.5, max_overlap_s=1.0, max_piece_s=3.5),
    "alone": ConversationConfig(min_speakers=1, max_speakers=1, overlap=1.0),
}


@pytest.fixture(params=CONFIGS, scope="module")
def planned(request):
    config = CONFIGS[request.param]
    plan = ConversationPlan(CLIPS, config)
    return config, [plan.conversation(number) for number in range(1, 41)]


def test_numbers_of_pieces_and_speakers(planned):
    config, conversations = planned
    for conversation in conversations:
        assert config.min_pieces <= len(conversation.pieces) <= config.max_pieces
        assert config.min_speakers <= len(conversation.speakers) <= config.max_speakers
    assert {len(c.speakers) for c in conversations} == set(range(config.min_speakers, config.max_speakers + 1))


def test_pieces_are_long_enough_parts_of_their_clips(planned):
    config, conversations = planned
    for piece in (piece for conversation in conversations for piece in conversation.pieces):
        span = piece.clip.span
        assert span.start_s <= piece.part.start_s < piece.part.end_s <= span.end_s
        assert span.duration_s >= config.min_piece_s - 1e-9
        assert piece.part.duration_s >= min(config.min_piece_s, config.cut_to_s or np.inf) - 0.011
        if config.cut_to_s is not None:
            assert 0.49 <= piece.part.duration_s <= 3.01
        elif config.max_piece_s is None:
            assert piece.part == span
        else:
            assert piece.part.duration_s == pytest.approx(min(config.max_piece_s, span.duration_s))
        for time_s in (piece.start_s, piece.end_s, piece.part.start_s, piece.part.end_s):
            assert time_s == round(time_s, 2)


def test_when_pieces_begin(planned):
    config, conversations = planned
    for conversation in conversations:
        assert conversation.pieces[0].start_s == 0
        for last, piece in pairwise(conversation.pieces):
            gap_s = piece.start_s - last.end_s
            if last.clip.speaker == piece.clip.speaker or not config.overlap:
                assert gap_s >= 0
            if not config.pause_s:
                assert gap_s <= 0
            shorter_s = min(last.part.duration_s, piece.part.duration_s)
            assert -gap_s <= min(config.max_overlap_s, config.max_overlap_share * shorter_s) + 1e-9
        for before, piece in zip(conversation.pieces, conversation.pieces[2:], strict=False):
            assert before.end_s <= piece.start_s  # never three at once


def test_turns_follow_the_pieces(planned):
    _, conversations = planned
    for conversation in conversations:
        for reference in ("speech", "pieces"):
            turns = conversation.turns(reference)
            assert turns == sorted(turns)
            assert max(turn.segment.end_s for turn in turns) <= conversation.duration_s
            for speaker in conversation.speakers:
                own = [turn.segment for turn in turns if turn.speaker == speaker]
                assert all(a.end_s < b.start_s for a, b in pairwise(own))
        pieces_s = sum(piece.part.duration_s for piece in conversation.pieces)
        assert sum(t.segment.duration_s for t in conversation.turns("pieces")) == pytest.approx(pieces_s)


def test_no_clip_comes_again_before_all_of_its_speaker_have_come(planned):
    config, conversations = planned
    for conversation in conversations:
        for speaker in conversation.speakers:
            n = sum(c.speaker == speaker and c.span.duration_s >= config.min_piece_s for c in CLIPS)
            said = [piece.clip.utterance for piece in conversation.pieces if piece.clip.speaker == speaker]
            for i in range(0, len(said), n):
                assert len(set(said[i : i + n])) == len(said[i : i + n])


def test_turn_taking():
    def repeats(turn_taking):
        plan = ConversationPlan(CLIPS, ConversationConfig(turn_taking=turn_taking, min_speakers=4))
        speakers = [[p.clip.speaker for p in plan.conversation(i).pieces] for i in range(100)]
        return np.mean([a == b for order in speakers for a, b in pairwise(order)])

    assert repeats("alternate") == 0
    assert repeats("random") == pytest.approx(0.25, abs=0.03)


def test_pauses_and_overlaps_in_the_mean():
    config = ConversationConfig(pause_s=0.7, overlap=0.4, turn_taking="alternate", gain_db=6.0)
    plan = ConversationPlan(CLIPS, config)
    conversations = [plan.conversation(number) for number in range(60)]
    gaps_s = np.array([b.start_s - a.end_s for c in conversations for a, b in pairwise(c.pieces)])
    assert np.mean(gaps_s < 0) == pytest.approx(0.4, abs=0.03)
    assert gaps_s[gaps_s >= 0].mean() == pytest.approx(0.7, abs=0.05)
    gains = [{(p.clip.speaker, p.gain_db) for p in c.pieces} for c in conversations]
    assert [len(x) for x in gains] == [len(c.speakers) for c in conversations]
    levels = [gain for group in gains for _, gain in group]
    assert -6 <= min(levels) < -5 and 5 < max(levels) <= 6


def test_a_conversation_depends_on_its_number_and_the_seed_only():
    plan = ConversationPlan(CLIPS, ConversationConfig())
    seventh = plan.conversation(7)
    assert seventh.id == "conv-0007"
    assert plan.conversation(7) == seventh
    assert ConversationPlan(CLIPS[::-1], ConversationConfig(n_conversations=9)).conversation(7) == seventh
    assert plan.conversation(8).pieces != seventh.pieces
    assert ConversationPlan(CLIPS, ConversationConfig(seed=1)).conversation(7).pieces != seventh.pieces


def test_turns_of_a_conversation():
    one = Clip("a-0", "a", (Segment(1.0, 3.0), Segment(3.6, 5.0)))
    two = Clip("b-0", "b", (Segment(0.5, 3.5),))
    conversation = Conversation(
        "conv-0001",
        (
            Piece(one, Segment(1.0, 5.0), 0.0),  # ends at 4.0
            Piece(one, Segment(1.0, 4.0), 4.0),  # goes on where the last one ended; ends at 7.0
            Piece(two, Segment(0.5, 3.5), 6.5),
        ),
    )
    assert conversation.duration_s == 9.5
    assert conversation.speakers == ["a", "b"]
    assert conversation.turns("pieces") == [Turn(Segment(0.0, 7.0), "a"), Turn(Segment(6.5, 9.5), "b")]
    assert conversation.turns("speech") == [
        Turn(Segment(0.0, 2.0), "a"),
        Turn(Segment(2.6, 6.0), "a"),
        Turn(Segment(6.5, 9.5), "b"),
        Turn(Segment(6.6, 7.0), "a"),
    ]


def test_too_few_speakers():
    clips = make_clips(4)
    short = [dataclasses.replace(clip, speech=(Segment(0.0, 2.9),)) for clip in clips if clip.speaker == "s3"]
    message = r"^3 of 4 speakers have a recording with 3 s of speech; conversations of up to 4 speakers need 4$"
    with pytest.raises(DataError, match=message):
        ConversationPlan([clip for clip in clips if clip.speaker != "s3"] + short, ConversationConfig())
    ConversationPlan(clips, ConversationConfig())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_conversations": 0}, "n_conversations must be at least 1, got 0"),
        ({"min_pieces": 51}, "1 <= min_speakers <= max_speakers <= min_pieces <= max_pieces, got 2, 4, 51 and 50"),
        ({"min_speakers": 0}, "got 0, 4, 20 and 50"),
        ({"max_speakers": 21}, "got 2, 21, 20 and 50"),
        ({"min_piece_s": 0.0}, "pieces need 0 < min_piece_s <= max_piece_s, got 0.0 and inf"),
        ({"max_piece_s": 2.0}, "pieces need 0 < min_piece_s <= max_piece_s, got 3.0 and 2.0"),
        ({"cut_to_s": 4.0}, r"cut_to_s must lie in \(0, min_piece_s=3\], got 4.0"),
        ({"turn_taking": "alternate", "min_speakers": 1}, "alternate turn-taking needs min_speakers of 2"),
        ({"pause_s": -1.0}, "pause_s, .* must not be negative"),
        ({"max_pause_s": 1.0}, "max_pause_s needs 0 < pause_s <= max_pause_s, got 0.0 and 1.0"),
        ({"seed": -1}, "seed must not be negative"),
        ({"overlap": 1.1}, "overlap must lie in"),
        ({"max_overlap_share": 0.6}, "max_overlap_share in"),
        ({"sample_rate": 44100}, "sample_rate must be one of 8000, 16000, 32000, 48000, got 44100"),
    ],
)
def test_settings_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        ConversationConfig(**options)


def test_short_parts_are_as_common_as_long_ones():
    config = ConversationConfig(cut_to_s=0.75, max_piece_s=3.0)
    plan = ConversationPlan(CLIPS, config)
    lengths = [piece.part.duration_s for n in range(1, 41) for piece in plan.conversation(n).pieces]
    assert np.mean(np.array(lengths) < 1.5) == pytest.approx(0.5, abs=0.05)  # 1.5 s lies halfway on a logarithmic scale


def test_some_conversations_have_longer_pauses_than_others():
    plan = ConversationPlan(CLIPS, ConversationConfig(pause_s=0.1, max_pause_s=10.0))
    means = []
    for number in range(1, 41):
        pieces = plan.conversation(number).pieces
        means.append(np.mean([b.start_s - a.end_s for a, b in pairwise(pieces)]))
    assert np.median(means) == pytest.approx(1.0, rel=0.4)  # halfway on a logarithmic scale
    assert min(means) < 0.3 and max(means) > 4
