"""Words to speakers, and sentences that are not torn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysid.segments import Segment, Turn
from pysid.transcript import Transcript, Word, with_speakers
from pysid.transcript.assign import assign_speakers
from pysid.transcript.sentences import sentences, smooth

turns = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 80), st.sampled_from("abc")).map(
        lambda t: Turn(Segment(t[0] / 10, (t[0] + t[1]) / 10), t[2])
    ),
    max_size=12,
)
words = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 20)).map(lambda t: Word(t[0] / 10, (t[0] + t[1]) / 10, "w")),
    max_size=12,
)


def said(text: str, speakers: str) -> list[Word]:
    """A word a second, of the speaker whose letter it has; "-" is nobody."""
    pairs = zip(text.split(), speakers, strict=True)
    return [Word(i, i + 0.9, word, speaker=None if who == "-" else who) for i, (word, who) in enumerate(pairs)]


def speakers(words: list[Word]) -> str:
    return "".join(word.speaker or "-" for word in words)


@given(words, turns)
def test_as_an_exhaustive_search_has_it(words, turns):
    def shared(word: Word, speaker: str) -> float:
        middle, half = (word.start_s + word.end_s) / 2, max(word.end_s - word.start_s, 0.02) / 2
        pieces = (
            min(middle + half, turn.segment.end_s) - max(middle - half, turn.segment.start_s)
            for turn in turns
            if turn.speaker == speaker
        )
        return sum(piece for piece in pieces if piece > 0)

    for word, found in zip(words, assign_speakers(words, turns, nearest_s=0.0), strict=True):
        best = max((shared(word, speaker) for speaker in "abc"), default=0.0)
        if best > 1e-6:
            assert shared(word, found.speaker) == pytest.approx(best, abs=2e-3)
        elif best == 0:
            touches = any(t.segment.start_s <= word.end_s and word.start_s <= t.segment.end_s for t in turns)
            assert found.speaker is None or touches


@given(words, turns)
def test_the_order_of_turns_does_not_matter(words, turns):
    assert assign_speakers(words, turns) == assign_speakers(words, turns[::-1])


def test_overlap_goes_to_the_one_who_goes_on():
    interrupted = [Turn(Segment(0, 10), "a"), Turn(Segment(4, 5), "b")]
    taken_over = [Turn(Segment(0, 5), "a"), Turn(Segment(4, 10), "b")]
    word = [Word(4.2, 4.6, "mhm")]
    assert speakers(assign_speakers(word, interrupted)) == "a"
    assert speakers(assign_speakers(word, taken_over)) == "b"


def test_two_turns_of_a_speaker_count_together():
    turns = [Turn(Segment(0, 0.4), "a"), Turn(Segment(0.4, 0.9), "b"), Turn(Segment(0.9, 2.0), "a")]
    assert speakers(assign_speakers([Word(0.0, 1.4, "word")], turns)) == "a"


def test_the_nearest_turn_within_a_bound():
    turns = [Turn(Segment(0, 1), "a"), Turn(Segment(4, 5), "b")]
    near = [Word(1.2, 1.4, "x"), Word(3.5, 3.8, "y"), Word(2.3, 2.4, "z"), Word(6.0, 6.1, "end")]
    assert speakers(assign_speakers(near, turns)) == "ab-b"
    assert speakers(assign_speakers(near, turns, nearest_s=0.1)) == "----"
    assert speakers(assign_speakers(near, [])) == "----"
    with pytest.raises(ValueError, match="must not be negative"):
        assign_speakers(near, turns, nearest_s=-1)


def test_a_word_of_no_time():
    assert speakers(assign_speakers([Word(1.0, 1.0, "x")], [Turn(Segment(0, 1), "a"), Turn(Segment(1, 2), "b")])) == "b"
    assert speakers(assign_speakers([Word(0.5, 0.5, "x")], [Turn(Segment(0, 1), "a")])) == "a"


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("So I think so. Yes it is.", "baaabbb", "aaaabbb"),
        ("I think so too. Yes.", "aaabb", "aaaab"),
        ("It was Monday, or rather Tuesday.", "aaabba", "aaaaaa"),
        ("It was Monday, or rather Tuesday.", "aaabbb", "aaabbb"),  # two thirds are not one's
        ("Yes. No. Yes. No.", "abab", "abab"),
        ("I do. I do not know.", "aabaaa", "aaaaaa"),
        ("I do think so", "a-aa", "aaaa"),
        ("--- - --- --", "----", "----"),
    ],
)
def test_sentences_are_not_torn_by_stray_words(text, before, after):
    assert speakers(smooth(said(text, before))) == after


def test_without_punctuation_the_recognisers_segments_are_sentences():
    words = said("so i think so yes it is", "baaabbb")
    assert speakers(smooth(words)) == "baaabbb"
    ends = [Word(w.start_s, w.end_s, w.text, ends_segment=i in (3, 6), speaker=w.speaker) for i, w in enumerate(words)]
    assert speakers(smooth(ends)) == "aaaabbb"


def test_a_pause_ends_a_sentence():
    words = [Word(0, 1, "And"), Word(1, 2, "then"), Word(4.5, 5, "he"), Word(5, 6, "left.")]
    assert [len(sentence) for sentence in sentences(words)] == [2, 2]


def test_a_run_on_text_is_left_alone():
    words = said("word " * 70, "a" * 35 + "b" + "a" * 34)
    assert speakers(smooth(words)) == speakers(words)


def test_on_request_nothing_is_smoothed():
    transcript = Transcript(said("So I think so.", "aaaa"), "en")
    turns = [Turn(Segment(0, 0.95), "b"), Turn(Segment(0.95, 4), "a")]
    assert speakers(with_speakers(transcript, turns, max_stray_words=0).words) == "baaa"
    assert speakers(with_speakers(transcript, turns).words) == "aaaa"
    assert with_speakers(transcript, turns).language == "en"
