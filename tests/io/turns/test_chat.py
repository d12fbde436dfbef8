"""CHAT files: as CLAN and people write them, and as pysid does."""

# ruff: noqa: RUF001  marks that look like others, and are meant

import time

import pytest

from pysid.errors import DataError, PysidWarning
from pysid.io.turns.chat.participants import Participant, parsed_participants, participants_of, shown_names
from pysid.io.turns.chat.reading import Piece, Times, parse_chat, read_chat
from pysid.io.turns.chat.spoken import is_speech, spoken
from pysid.io.turns.chat.writing import Utterance, chat_text, format_chat
from pysid.io.turns.cues import RecordingTurns
from pysid.io.turns.formats import read_turns
from pysid.segments import Segment, Turn


def chat(body: str, participants: str = "ANN Anna Participant, BEN Participant") -> str:
    """A file with `|` for the mark of bullets."""
    head = f"@UTF8\n@Begin\n@Languages:\teng, spa\n@Participants:\t{participants}\n@Media:\ta, audio\n"
    return (head + body + "@End\n").replace("|", "\x15")


CONVERSATION = chat(
    "@Comment:\tAnna comes in\n"
    "*ANN:\tgood morning , <how are> [/] how are\n"
    "\t<you today> [>] ? |500_2000|\n"
    "%mor:\tadj good n morning\n"
    "%com:\twaves , until |0_9000|\n"
    "*BEN:\t<I'm fine> [<] . |1500_2500|\n"
    "*BEN:\tand you ?\n"
    "*ANN:\t&=coughs . |2500_2600|\n"
    "*ANN:\t0 [=! nods] . |2600_2700|\n"
    "*GUE:\tI see (.) what |3000_4000|\n"
    "\tyou mean |4000_5000| [+ bch]\n"
    "*BEN:\twww . |6000_6000|\n"
)
TURNS = [
    Turn(Segment(0.5, 2.0), "Anna"),
    Turn(Segment(1.5, 2.5), "BEN"),
    Turn(Segment(3.0, 4.0), "GUE"),
    Turn(Segment(4.0, 5.0), "GUE"),
]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_conversation(tmp_path, ends, mark):
    """Overlap, continued lines, several bullets in one, noises, a speaker nobody told of, and no times."""
    path = tmp_path / "call.cha"
    path.write_bytes(mark + CONVERSATION.replace("\n", ends).encode())
    with pytest.warns(PysidWarning, match=r"call\.cha: 1 of 6 utterances have no times: left out$"):
        assert read_turns(path) == [RecordingTurns("call", TURNS, None)]


def test_pieces_of_a_file(tmp_path):
    path = tmp_path / "a.cha"
    old = '*ANN:\tyes . |%snd:"my tape"_5_70|\n%wor:\tyes |6_60| .\n*BEN:\tno . |100_200-|\n*UNK:\toh |%pic:"a.jpg"|.\n'
    path.write_text(chat(old, "ANN Anna Maria Mother, BEN Participant, UNK Unidentified, BEN Twice Participant,"))
    found = parse_chat(path)
    assert found.language == "eng" and found.recording is None
    assert found.pieces == [
        Piece("Anna Maria", "ANN", "yes . ", Times(5, 70), [Times(6, 60)]),
        Piece("BEN", "BEN", "no . ", Times(100, 200)),
        Piece(None, "UNK", "oh .", None),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": expected CHAT, with a line @Begin, got none"),
        ("@UTF8\n@End\n", ": expected CHAT, with a line @Begin, got none"),
        (b"@Begin\n*ANN:\tcaf\xe9 .\n", ":2: expected UTF-8 text, got '*ANN:\\tcaf"),
        ("hello\n", ":1: expected '@header:', '*SPEAKER:' or '%tier:', got 'hello'"),
        ("  hello\n", ":1: expected '@header:', '*SPEAKER:' or '%tier:', got '  hello'"),
        ("@Begin\n*ANN hello .\n", ":2: expected '@header:', '*SPEAKER:' or '%tier:', got '*ANN hello .'"),
        ("@Begin\n*ANN:\thello . |1x2|\n", ":2: expected a bullet 'start_end' in milliseconds, got '1x2'"),
        (
            "@Begin\n*ANN:\thello . |20_10|\n",
            ":2: expected a bullet that ends after its start, within 1e+09 s, got '20_1",
        ),
        (f"@Begin\n*ANN:\ta . |1_{'9' * 14}|\n", ":2: expected a bullet that ends after its start, within 1e+09 s"),
        (f"@Begin\n*ANN:\ta . |1_{'9' * 5000}|\n", ":2: expected a bullet 'start_end' in milliseconds, got '1_999"),
        (
            "@Begin\n\n*ANN:\thello . |1_2\n",
            ":3: expected bullets between two characters U+0015, got 'hello . \\x151_2'",
        ),
        ("@Begin\n*ANN:\thello .\n%wor:\thello |2_1| .\n", ":3: expected a bullet that ends after its start"),
        ("@Begin\n*ANN:\thello .\n*ANN:\txxx .\n", ": expected utterances with times (bullets), got 2 without"),
    ],
)
def test_what_is_not_chat_is_named(tmp_path, content, message):
    path = tmp_path / "a.cha"
    path.write_bytes(content if isinstance(content, bytes) else content.replace("|", "\x15").encode())
    with pytest.raises(DataError) as caught:
        read_chat(path, "a")
    assert str(caught.value).startswith(f"{path}{message}") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the dog xxx ran .", "the dog xxx ran."),
        ("<I want> [//] I &-uh need &+wa (be)cause [* m] .", "I want I uh need wa- because."),
        ("I gonna [: going to] go@c to the ice+cream New_York@l man$n .", "I gonna go to the ice cream New York man."),
        ("well ‡ no „ right ?", "well, no, right?"),
        ("0is he (1.5) &{l=sings coming &}l=sings &*MOT:mhm home +/.", "he coming home–"),
        ("+< yes +..?", "yes?"),
        ("so +... [+ trn]", "so…"),
        ('+" you said +".', "you said."),
        ("\x02\x01so\x02\x02 ⌈no::⌉2 °ba:nana° ↑up ((coughs)) ∙hhh →", "so no banana up hhh"),
        ("#long um, it's 10:30 “today” ; # no", "um, it's 10:30 “today”; no"),
        ("hola@s:spa ¿ qué tal ?", "hola qué tal?"),
        ("0.5 or 0_5 % of 007 [= agent] 0 .", "0.5 or 0 5 of 007."),
        ("totə@u [: turtle] [* n:k] ‹pho› .", "totə pho."),
    ],
)
def test_what_is_said_on_a_line(text, said):
    assert spoken(text) == said


def test_a_bracket_that_nobody_closed_takes_no_time():
    began_s = time.process_time()
    assert spoken("(" + "1" * 20_000) == "1" * 20_000
    assert time.process_time() - began_s < 1


def test_what_is_speech():
    assert [is_speech(x) for x in ("www .", " ", "hm .")] == [True] * 3
    assert [is_speech(x) for x in ("(..)", "[% a door]", "((laughs))", "0 .", "&=laughs !", "(0.6) →")] == [False] * 6


def test_codes_of_speakers():
    speakers = ["speaker1", "speaker12", "speaker123", "Chiara", "李雷", "Zoë", "zoe", "Al", "7", "UNK"]
    found = participants_of(speakers)
    assert [x.code for x in found.values()] == ["SP1", "S12", "S01", "C01", "S02", "ZOE", "Z01", "A01", "S03", "U01"]
    many = participants_of(f"anna {chr(945 + i % 20)}{i // 20}x" for i in range(150))
    assert len({x.code for x in many.values()}) == 150


def test_names_of_participants():
    listed = parsed_participants("CHI Target_Child, MOT Mary Mother , UNK a Other, UN2 a Other, ANN Ana_María X,,")
    names = shown_names(listed, {"ANN": "Ana María", "MOT": "Not Mary"})
    assert names == {"CHI": "CHI", "MOT": "Mary", "UNK": "UNK", "UN2": "UN2", "ANN": "Ana María"}
    assert parsed_participants("ANN") == [Participant("ANN", "", "")]


def test_names_are_kept_whatever_is_in_them(tmp_path):
    path = tmp_path / "a.cha"
    names = ['the "boss" & <co>', "a,b", "a b", "a_b", "ANN", "anna", "--", "xxx .", "CHI Target_Child", "x is y"]
    turns = [Turn(Segment(i, i + 0.5), name) for i, name in enumerate(names)]
    path.write_text(format_chat("Q & A, (2)", turns))
    assert read_chat(path, "other") == RecordingTurns("Q & A, (2)", turns, None)
    path.write_text(format_chat("a", [Turn(Segment(0.5, 2.0), "a\x15b")]))
    assert read_chat(path, "a").turns[0].speaker == "a\N{REPLACEMENT CHARACTER}b"


def test_turns_of_one_speaker_that_overlap_are_one_utterance(tmp_path):
    path = tmp_path / "a.cha"
    path.write_text(format_chat("a", [Turn(Segment(0.5, 2.0), "x"), Turn(Segment(1.0, 3.0), "x")]))
    assert read_chat(path, "a").turns == [Turn(Segment(0.5, 3.0), "x")]
    path.write_text(format_chat("b", []))
    assert read_chat(path, "a") == RecordingTurns("b", [], None)
    assert "@Participants:\tUNK Unidentified\n" in path.read_text()


def test_words_with_times_and_nobody(tmp_path):
    said = [
        Utterance(None, Times(0, 900), "well yes !", [("well", Times(0, 400)), ("yes", Times(500, 900))], "!"),
        Utterance("Anna", Times(900, 1200), "xxx ."),
    ]
    text = chat_text("my call.wav", said, "eng")
    assert text.replace("\x15", "|").splitlines()[2:] == [
        "@Languages:\teng",
        "@Participants:\tANN Anna Participant, UNK Unidentified",
        "@ID:\teng|pysid|ANN|||||Participant|||",
        "@ID:\teng|pysid|UNK|||||Unidentified|||",
        "@Media:\tmy_call_wav, audio",
        "@Comment:\tpysid: recording my call.wav",
        "*UNK:\twell yes ! |0_900|",
        "%wor:\twell |0_400| yes |500_900| !",
        "*ANN:\txxx . |900_1200|",
        "@End",
    ]
    path = tmp_path / "a.cha"
    path.write_text(text)
    assert [piece.speaker for piece in parse_chat(path).pieces] == [None, "Anna"]
    assert [turn.speaker for turn in read_chat(path, "a").turns] == ["UNK", "Anna"]
