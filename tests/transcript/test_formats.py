"""What transcripts are written as."""

# ruff: noqa: RUF001  signs that look like others, and are meant

import csv
import io
import sys
from dataclasses import replace
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.turns.cue_names import names_before
from pysid.io.turns.cues import one_line
from pysid.io.turns.formats import read_turns
from pysid.io.turns.subtitles import read_cues
from pysid.io.xml_file import in_xml
from pysid.transcript import Transcript, Word, read_transcript, utterances
from pysid.transcript.captions import captions, label_of
from pysid.transcript.formats import TRANSCRIPT_FORMATS, write_transcript
from pysid.transcript.formats.document import NOBODY, Document
from pysid.transcript.formats.table import format_csv
from pysid.transcript.words import joined

WORDS = [
    Word(0.5, 0.9, "Good", 0.98, speaker="anna"),
    Word(0.9, 1.4, "morning.", 0.5, ends_segment=True, speaker="anna"),
    Word(2.0, 2.4, "<b>*It*", speaker="Dr. Łukasz"),
    Word(2.4, 2.5, "'s", glued=True, estimated=True, speaker="Dr. Łukasz"),
    Word(2.5, 3.0, "R&D_1.", speaker="Dr. Łukasz"),
    Word(3661.0, 3662.0, "你好", speaker=None),
]
DOCUMENT = Document("Monday #1", Transcript(WORDS, "en"))


def formatted(kind: str) -> str:
    content = TRANSCRIPT_FORMATS[kind].format(DOCUMENT)
    assert isinstance(content, str)
    return content


texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8).filter(str.strip)
names = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def any_words(draw: st.DrawFn) -> list[Word]:
    found, at_ms = [], 0
    for _ in range(draw(st.integers(0, 12))):
        at_ms += draw(st.integers(0, 5000))
        end_ms = at_ms + draw(st.integers(0, 900))
        confidence = draw(st.none() | st.integers(0, 10000).map(lambda x: x / 10000))
        flags = [draw(st.booleans()) for _ in range(3)]
        found.append(Word(at_ms / 1000, end_ms / 1000, draw(texts), confidence, *flags, draw(names)))
    return found


@settings(max_examples=100, deadline=None)
@given(any_words(), st.none() | st.sampled_from(["en", "中文"]))
def test_json_is_read_back(tmp_path_factory, words, language):
    path = tmp_path_factory.mktemp("t") / "t.json"
    words = [word for word in words if word.is_spoken]  # as readers leave them: punctuation goes to its word
    write_transcript(path, Document("any", Transcript(words, language)), "json")
    assert read_transcript(path) == Transcript(words, language)


LIKE_NAMES = ["Note:", "[x]", "[x]:", "anna:", "(nobody known):", "we", "begin.", "10:30", "R&D", "-->", "y" * 50, "1"]
SPEAKERS = [None, "anna", "Dr: Who", "[x]", "Note", "Ana\tMaria", "an honourable member of the house", "a]:", "李雷"]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(["srt", "vtt"]), st.sampled_from([0.3, 1.0, 5.0]))
def test_subtitles_are_read_back_as_the_same_text(tmp_path_factory, data, kind, step_s):
    """All but the exact words' times, which subtitles have no place for, and what names in SubRip may not have."""
    path = tmp_path_factory.mktemp("t") / f"t.{kind}"
    speakers = data.draw(st.sampled_from([SPEAKERS, [None]]))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(LIKE_NAMES), st.sampled_from(speakers)), max_size=12))
    said = [Word(i * step_s, i * step_s + 0.2, text, speaker=name) for i, (text, name) in enumerate(pairs)]
    write_transcript(path, Document("any", Transcript(said)), kind)
    found = read_transcript(path).words if path.stat().st_size else []
    assert joined(found).replace(" ", "") == joined(said).replace(" ", "")
    cues = captions(utterances(Transcript(said)))
    if any(word.speaker for word in said):
        known = [cue.speaker for cue in cues if cue.speaker is not None]
        kept = {name: next(x.speaker for x in names_before([label_of(name) + "x"]) or []) for name in known}
        expected = [kept[name] if kind == "srt" else " ".join(name.split()) for name in known]
        assert [turn.speaker for turn in read_turns(path)[0].turns] == expected


@st.composite
def spoken_words(draw: st.DrawFn) -> list[Word]:
    """Sentences that CHAT can hold as they are, each of one speaker and after the one before."""
    found: list[Word] = []
    at_ms = 0
    for _ in range(draw(st.integers(1, 6))):
        speaker, end = draw(names.filter(lambda x: x is None or x.strip())), draw(st.sampled_from([".", "?", "!", "…"]))
        pieces = draw(st.lists(st.from_regex(r"\A[A-Za-zäéßñ](?:'?[a-zäéßñ]){1,6},?\Z"), min_size=1, max_size=5))
        pieces = [piece for piece in pieces if piece.strip(",") not in ("xxx", "yyy", "www")] or ["well"]
        pieces[-1] = pieces[-1].rstrip(",") + end
        for i, piece in enumerate(pieces):
            at_ms += draw(st.integers(0, 900))
            end_ms = at_ms + draw(st.integers(1, 900))
            found.append(Word(at_ms / 1000, end_ms / 1000, piece, speaker=speaker, ends_segment=i == len(pieces) - 1))
            at_ms = end_ms
    return found


def on_one_line(speaker: str | None) -> str | None:
    return speaker and "".join("\N{REPLACEMENT CHARACTER}" if category(x) == "Cc" else x for x in one_line(speaker))


@settings(max_examples=150, deadline=None)
@given(spoken_words(), st.sampled_from([None, "en", "de", "yue"]))
def test_chat_is_read_back(tmp_path_factory, words, language):
    path = tmp_path_factory.mktemp("t") / "t.cha"
    write_transcript(path, Document("any", Transcript(words, language)), "chat")
    expected = [replace(word, speaker=on_one_line(word.speaker)) for word in words]
    assert read_transcript(path) == Transcript(expected, language)


@settings(max_examples=150, deadline=None)
@given(spoken_words())
def test_exmaralda_is_read_back_up_to_the_times_within_sentences(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("t") / "t.exb"
    document = Document("any", Transcript(words))
    write_transcript(path, document, "exmaralda")
    found = read_transcript(path).words
    assert [word.text for word in found] == [word.text for word in words]
    as_in_xml = [x if x is None else in_xml(" ".join(x.split())) for x in (word.speaker for word in words)]
    assert [word.speaker for word in found] == as_in_xml
    starts = {round(1000 * word.start_s) for word in found}
    assert all(sentence.start_ms in starts for sentence in document.sentences)


def chat_lines(words: list[Word]) -> list[str]:
    content = TRANSCRIPT_FORMATS["chat"].format(Document("x", Transcript(words)))
    assert isinstance(content, str)
    return [line.split("\t")[1].split(" \x15")[0] for line in content.splitlines() if line.startswith("*")]


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["R&D,", "e.g.", "x@y.com", "rock-'n'-roll"], "R_D , e_g x_y_com rock_n_roll ."),
        (["“Don’t", "–", "well-known:", "no,", "'cause…”"], "Don't well-known , no , 'cause +..."),
        (["wait—"], "wait +/."),
        (["www", "--", "so！"], "Www so !"),
        (["$", "—"], "xxx ."),
        (["你", "好？"], "你 好 ?"),
    ],
)
def test_what_chat_has_of_words(texts, line):
    words = [Word(i, i + 0.5, text, glued=i > 0 and text == "好？", speaker="a") for i, text in enumerate(texts)]
    assert chat_lines(words) == [line]


def test_chat_has_times_of_words_where_all_are_known():
    known = [Word(0.0, 0.0, "It", speaker="a"), Word(0.2, 0.5, "'s", glued=True, speaker="a")]
    late = Word(0.4, 0.9, "late.", estimated=True, speaker="a")
    text = TRANSCRIPT_FORMATS["chat"].format(Document("x", Transcript(known)))
    assert "*A01:\tIt's . |0_500|\n%wor:\tIt's |0_500| .\n" in str(text).replace("\x15", "|")
    assert "%wor" not in str(TRANSCRIPT_FORMATS["chat"].format(Document("x", Transcript([*known, late]))))


def test_sentences_of_a_speaker_do_not_overlap():
    words = [
        Word(0.0, 2.0, "Yes.", speaker="a"),
        Word(1.0, 1.5, "No.", speaker="a"),
        Word(1.2, 1.2, "So.", speaker="b"),
    ]
    found = [(x.start_ms, x.end_ms, x.speaker) for x in Document("x", Transcript(words)).sentences]
    assert found == [(0, 2000, "a"), (1200, 1201, "b"), (2000, 2001, "a")]


def test_txt():
    assert formatted("txt") == (
        f"[0:00] anna: Good morning.\n[0:02] Dr. Łukasz: <b>*It*'s R&D_1.\n[1:01:01] {NOBODY}: 你好\n"
    )


def test_markdown_has_no_marks_of_its_own():
    assert formatted("md") == (
        "# Monday \\#1\n\n**anna** (0:00)  \nGood morning.\n\n"
        "**Dr. Łukasz** (0:02)  \n\\<b\\>\\*It\\*'s R&D\\_1.\n\n"
        f"**{NOBODY}** (1:01:01)  \n你好\n"
    )


def test_csv():
    rows = list(csv.DictReader(io.StringIO(formatted("csv"))))
    assert rows[0] == {"start_s": "0.500", "end_s": "1.400", "speaker": "anna", "text": "Good morning."}
    assert rows[2]["speaker"] == ""
    said = Document("any", Transcript([Word(0.0, 1.0, "- Morning", speaker="=1+1")]))
    assert format_csv(said).splitlines()[1] == "0.000,1.000,'=1+1,'- Morning"


def test_srt_and_vtt(tmp_path):
    assert formatted("srt").startswith("1\n00:00:00,500 --> 00:00:01,500\nanna: Good morning.\n\n2\n")
    assert "<v Dr. Łukasz>Dr. Łukasz: &lt;b&gt;*It*'s R&amp;D_1." in formatted("vtt")
    path = tmp_path / "t.vtt"
    path.write_text(formatted("vtt"), encoding="utf-8")
    assert [cue.voice for cue in read_cues(path)] == ["anna", "Dr. Łukasz", None]


def test_docx(tmp_path):
    docx = pytest.importorskip("docx")
    path = tmp_path / "t.docx"
    odd = Word(4000.0, 4001.0, "bell\x07", speaker="a\x00\x0bb")
    write_transcript(path, Document("Monday\x1b #1", Transcript([*WORDS, odd], "en")), "docx")
    file = docx.Document(path)
    lines = [paragraph.text for paragraph in file.paragraphs]
    assert lines[:3] == ["Monday\ufffd #1", "anna  0:00", "Good morning."]
    assert lines[-4:-2] == [f"{NOBODY}  1:01:01", "你好"] and lines[-1] == "bell\ufffd"
    assert file.paragraphs[1].runs[0].bold and not file.paragraphs[1].runs[1].bold
    assert file.core_properties.title == "Monday\ufffd #1" and file.core_properties.language == "en"
    again = tmp_path / "again.docx"
    write_transcript(again, Document("Monday\x1b #1", Transcript([*WORDS, odd], "en")), "docx")
    assert [p.text for p in docx.Document(again).paragraphs] == lines


def test_docx_without_what_writes_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(DataError, match=r"a Word document needs the package docx: pip install 'pysid\[docx\]'"):
        write_transcript(tmp_path / "t.docx", DOCUMENT, "docx")
    assert not list(tmp_path.iterdir())


def test_nothing_said():
    for kind in TRANSCRIPT_FORMATS:
        if kind != "docx":
            assert isinstance(TRANSCRIPT_FORMATS[kind].format(Document("x", Transcript([]))), str)


def test_endings_tell_formats_apart():
    assert len({ending for ending, _ in TRANSCRIPT_FORMATS.values()}) == len(TRANSCRIPT_FORMATS)
