"""What recognisers write, in small, and what is said about files that are none of theirs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pysid.errors import DataError, PysidWarning
from pysid.transcript import Transcript, read_transcript
from pysid.transcript.words import joined

Read = Callable[[Any], Transcript]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The transcript of a JSON document, or of a text."""

    def read(content: Any, name: str = "words.json") -> Transcript:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8")
        return read_transcript(path)

    return read


def plain(transcript: Transcript) -> list[tuple[str, float, float]]:
    return [(word.text, word.start_s, word.end_s) for word in transcript.words]


WHISPER = {
    "text": " Good morning, Anna. It's late.",
    "segments": [
        {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": 2.5,
            "text": " Good morning, Anna.",
            "tokens": [50364, 2205],
            "temperature": 0.0,
            "avg_logprob": -0.2,
            "compression_ratio": 1.1,
            "no_speech_prob": 0.01,
            "words": [
                {"word": " Good", "start": 0.0, "end": 0.5, "probability": 0.9},
                {"word": " morning,", "start": 0.5, "end": 1.0, "probability": 0.95},
                {"word": " Anna.", "start": 1.5, "end": 1.5, "probability": 0.4},
            ],
        },
        {
            "id": 1,
            "start": 3.0,
            "end": 4.0,
            "text": " It's late.",
            "words": [
                {"word": " It", "start": 3.0, "end": 3.2, "probability": 0.9},
                {"word": "'s", "start": 3.2, "end": 3.3, "probability": 0.9},
                {"word": " late.", "start": 3.3, "end": 4.0, "probability": 0.9},
            ],
        },
    ],
    "language": "en",
}


def test_whisper(read):
    found = read(WHISPER)
    assert found.language == "en"
    assert joined(found.words) == "Good morning, Anna. It's late."
    assert [word.confidence for word in found.words[:3]] == [0.9, 0.95, 0.4]
    assert plain(found)[:3] == [("Good", 0.0, 0.5), ("morning,", 0.5, 1.0), ("Anna.", 1.5, 1.5)]
    assert [word.ends_segment for word in found.words] == [False, False, True, False, False, True]
    assert not any(word.estimated for word in found.words)


def test_whisper_without_words_shares_the_time_of_a_segment(read):
    segments = [{"start": 1.0, "end": 2.2, "text": " I see it"}, {"start": 3.0, "end": 3.0, "text": "  "}]
    found = read({"segments": segments})
    assert plain(found) == [("I", 1.0, 1.2), ("see", 1.2, 1.8), ("it", 1.8, 2.2)]
    assert all(word.estimated for word in found.words)


def test_faster_whisper_is_a_list_of_segments(read):
    assert plain(read(WHISPER["segments"])) == plain(read(WHISPER))


def test_whisperx_leaves_numbers_without_times(read):
    words = [
        {"word": "na", "start": 416.338, "end": 416.498, "score": 0.759},
        {"word": "1"},
        {"word": "juni.", "start": 416.538, "end": 416.778, "score": 0.288, "speaker": "SPEAKER_00"},
    ]
    segment = {"start": 416.3, "end": 416.8, "text": " na 1 juni.", "words": words, "speaker": "SPEAKER_00"}
    found = read({"segments": [segment], "word_segments": words, "language": "nl"})
    assert plain(found) == [("na", 416.338, 416.498), ("1", 416.498, 416.538), ("juni.", 416.538, 416.778)]
    assert [word.estimated for word in found.words] == [False, True, False]
    assert found.words[0].confidence == 0.759
    assert all(word.speaker is None for word in found.words), "whose turns are asked for, not whisperX's"
    assert joined(found.words) == "na 1 juni."


def test_whisperx_numbers_at_the_ends_of_a_segment(read):
    words = [{"word": "7"}, {"word": "up", "start": 1.5, "end": 2.0, "score": 0.5}, {"word": "99"}]
    found = read({"segments": [{"start": 1.0, "end": 3.0, "text": "7 up 99", "words": words}]})
    assert plain(found) == [("7", 1.0, 1.5), ("up", 1.5, 2.0), ("99", 2.0, 3.0)]


def test_scripts_without_spaces_stay_without(read):
    words = [{"word": x, "start": i, "end": i + 1, "score": 1} for i, x in enumerate("你好吗")]
    segments = [
        {"start": 0, "end": 3, "text": "你好吗", "words": words},
        {"start": 4, "end": 6, "text": "很好"},
    ]
    found = read({"segments": segments, "language": "zh"})
    assert joined(found.words) == "你好吗很好"
    assert len(found.words) == 5


def test_verbose_json_of_the_service_has_its_words_beside_the_segments(read):
    document = {
        "task": "transcribe",
        "language": "english",
        "duration": 2.0,
        "text": "It's late, isn't it?",
        "words": [
            {"word": "It's", "start": 0.0, "end": 0.5},
            {"word": "late", "start": 0.5, "end": 1.0},
            {"word": "isn't", "start": 1.0, "end": 1.5},
            {"word": "it", "start": 1.5, "end": 2.0},
        ],
    }
    assert plain(read(document))[1] == ("late", 0.5, 1.0)
    segments = [{"id": 0, "start": 0.0, "end": 2.0, "text": "It's late, isn't it?"}]
    assert plain(read({**document, "segments": segments}))[3] == ("it", 1.5, 2.0)
    assert joined(read(document).words) == "It's late isn't it"


def whisper_cpp_token(text: str, from_ms: int, to_ms: int, p: float = 0.9) -> dict[str, Any]:
    return {
        "text": text,
        "timestamps": {"from": "00:00:00,000", "to": "00:00:00,000"},
        "offsets": {"from": from_ms, "to": to_ms},
        "id": 1,
        "p": p,
        "t_dtw": -1,
    }


def test_whisper_cpp_puts_tokens_together(read):
    tokens = [
        whisper_cpp_token("[_BEG_]", 0, 0),
        whisper_cpp_token(" And", 320, 370),
        whisper_cpp_token(" am", 400, 500, 0.8),
        whisper_cpp_token("azing", 500, 900, 0.5),
        whisper_cpp_token(",", 900, 910),
        whisper_cpp_token(" really", 1000, 1500),
        whisper_cpp_token("[_TT_75]", 1500, 1500),
    ]
    segment = {
        "timestamps": {"from": "00:00:00,000", "to": "00:00:01,500"},
        "offsets": {"from": 0, "to": 1500},
        "text": " And amazing, really",
        "tokens": tokens,
    }
    document = {"systeminfo": "AVX = 1", "result": {"language": "en"}, "transcription": [segment]}
    found = read(document)
    assert plain(found) == [("And", 0.32, 0.37), ("amazing,", 0.4, 0.91), ("really", 1.0, 1.5)]
    assert found.words[1].confidence == 0.5 and found.language == "en"
    del segment["tokens"]
    assert [(word.text, word.estimated) for word in read(document).words] == [
        ("And", True),
        ("amazing,", True),
        ("really", True),
    ]


def test_whisper_cpp_with_a_segment_for_each_word(read):
    segments = [
        {"offsets": {"from": 0, "to": 400}, "text": " Anna"},
        {"offsets": {"from": 400, "to": 500}, "text": "'s"},
        {"offsets": {"from": 500, "to": 900}, "text": " house"},
    ]
    found = read({"transcription": segments})
    assert joined(found.words) == "Anna's house"
    assert not any(word.estimated or word.ends_segment for word in found.words)


def test_whisper_cpp_tokens_that_are_parts_of_characters(read):
    """The tool writes the bytes of a character that is split over tokens as they are, so the file is no UTF-8."""
    first, second = " café".encode()[:-1], " café".encode()[-1:]
    text = json.dumps(
        {
            "transcription": [
                {
                    "offsets": {"from": 0, "to": 1000},
                    "text": " café",
                    "tokens": [whisper_cpp_token("FIRST", 0, 500), whisper_cpp_token("SECOND", 500, 1000)],
                }
            ]
        }
    )
    found = read(text.encode().replace(b"FIRST", first).replace(b"SECOND", second))
    assert plain(found) == [("café", 0.0, 1.0)]


VOSK = [
    {
        "result": [
            {"conf": 1.0, "end": 1.02, "start": 0.36, "word": "one"},
            {"conf": 0.7, "end": 1.5, "start": 1.02, "word": "two"},
        ],
        "text": "one two",
    },
    {"text": ""},
    {"result": [{"conf": 1.0, "end": 3.0, "start": 2.5, "word": "three"}], "text": "three", "spk": [0.1]},
]


@pytest.mark.parametrize(
    "content", [VOSK, "\n".join(map(json.dumps, VOSK)), "".join(json.dumps(x, indent=2) for x in VOSK)]
)
def test_vosk(read, content):
    found = read(content)
    assert plain(found) == [("one", 0.36, 1.02), ("two", 1.02, 1.5), ("three", 2.5, 3.0)]
    assert [word.ends_segment for word in found.words] == [False, True, True]
    assert found.words[1].confidence == 0.7


def test_vosk_with_alternatives(read):
    words = [{"start": 0.0, "end": 1.0, "word": "yes"}]
    document = {"alternatives": [{"confidence": 201.3, "result": words, "text": "yes"}, {"text": "yet"}]}
    assert plain(read(document)) == [("yes", 0.0, 1.0)]
    assert plain(read({"text": ""})) == []


def test_amazon_transcribe(read):
    def item(content: str, start: str, end: str) -> dict[str, Any]:
        return {
            "id": 0,
            "type": "pronunciation",
            "start_time": start,
            "end_time": end,
            "alternatives": [{"confidence": "0.99", "content": content}],
            "speaker_label": "spk_0",
        }

    stop = {"id": 2, "type": "punctuation", "alternatives": [{"confidence": "0.0", "content": "."}]}
    document = {
        "jobName": "job",
        "accountId": "111122223333",
        "status": "COMPLETED",
        "results": {
            "language_code": "en-US",
            "transcripts": [{"transcript": "Good morning."}],
            "items": [item("Good", "4.87", "5.02"), item("morning", "5.02", "5.5"), stop],
        },
    }
    found = read(document)
    assert plain(found) == [("Good", 4.87, 5.02), ("morning.", 5.02, 5.5)]
    assert found.words[0].confidence == 0.99 and found.language == "en-US"


def test_deepgram(read):
    def channel(*words: dict[str, Any]) -> dict[str, Any]:
        return {"alternatives": [{"transcript": "", "confidence": 0.9, "words": list(words)}]}

    hello = {
        "word": "hello",
        "punctuated_word": "Hello,",
        "start": 0.1,
        "end": 0.5,
        "confidence": 0.97,
        "speaker": 0,
    }
    document = {
        "metadata": {"duration": 4.0, "channels": 2},
        "results": {
            "channels": [
                channel(hello, {"word": "anna", "start": 2.0, "end": 2.5, "confidence": 0.9}),
                channel({"word": "yes", "start": 1.0, "end": 1.5, "confidence": 0.9}),
            ]
        },
    }
    assert plain(read(document)) == [("Hello,", 0.1, 0.5), ("yes", 1.0, 1.5), ("anna", 2.0, 2.5)]


def test_assemblyai(read):
    document = {
        "id": "x",
        "status": "completed",
        "audio_url": "https://example.org/a.wav",
        "language_code": "en_us",
        "text": "Smoke from",
        "words": [
            {"text": "Smoke", "start": 250, "end": 650, "confidence": 0.97465, "speaker": None},
            {"text": "from", "start": 730, "end": 1022, "confidence": 0.99, "speaker": "A"},
        ],
    }
    assert plain(read(document)) == [("Smoke", 0.25, 0.65), ("from", 0.73, 1.022)]
    assert plain(read({**document, "words": []})) == []
    with pytest.raises(DataError, match=r"words\.json: expected a transcript, got the service's error: no audio"):
        read({**document, "words": None, "error": "no audio"})
    seconds = [{"text": "Smoke", "start": 0.25, "end": 0.65}]  # of whomever: not to be taken for milliseconds
    with pytest.raises(DataError, match=r"words\.json: expected a recogniser's JSON: .*; got the keys 'words'"):
        read({"words": seconds})


def test_elevenlabs(read):
    words = [
        {"text": "Smoke", "start": 0.25, "end": 0.65, "type": "word", "speaker_id": "speaker_0", "logprob": 0.0},
        {"text": " ", "start": 0.65, "end": 0.73, "type": "spacing", "speaker_id": "speaker_0"},
        {"text": "from", "start": 0.73, "end": 1.022, "type": "word", "speaker_id": "speaker_1"},
        {"text": " ", "start": 1.022, "end": 2, "type": "spacing"},
        {"text": "\u4f60", "start": 2, "end": 2.5, "type": "word"},
        {"text": "\u597d", "start": 2.5, "end": 3, "type": "word"},
    ]
    found = read({"language_code": "eng", "text": "Smoke from \u4f60\u597d", "words": words})
    assert plain(found)[:2] == [("Smoke", 0.25, 0.65), ("from", 0.73, 1.022)]
    assert (joined(found.words), found.language, found.words[0].confidence) == ("Smoke from \u4f60\u597d", "eng", 1.0)
    with pytest.raises(DataError, match=r"words\.json: expected words\[0\] to be an object with 'end', got one with"):
        read({"words": [{"text": "a", "start": 0, "type": "word"}]})


def test_hugging_face(read):
    chunks = [
        {"timestamp": [0.0, 1.2], "text": " I see it."},
        {"timestamp": [2.0, None], "text": " Bye now."},
    ]
    found = read({"speakers": [], "chunks": chunks, "text": " I see it. Bye now."})
    assert [word.text for word in found.words] == ["I", "see", "it.", "Bye", "now."]
    assert [word.ends_segment for word in found.words] == [False, False, True, False, True]
    assert (found.words[2].end_s, found.words[3].start_s, found.words[4].end_s) == (1.2, 2.0, 2.4)
    by_word = [(0.0, 0.5, " Good"), (0.5, 1.0, " morn"), (1.0, 1.5, "ing"), (1.5, 1.5, ".")]
    found = read({"text": "", "chunks": [{"timestamp": [a, b], "text": text} for a, b, text in by_word]})
    assert joined(found.words) == "Good morning." and not any(word.estimated for word in found.words)
    with pytest.raises(DataError, match=r"expected chunks\[0\]\.timestamp to be a start and an end, got 1 values"):
        read({"chunks": [{"timestamp": [0.0], "text": "a"}]})


def test_ctm(tmp_path):
    path = tmp_path / "words.ctm"
    path.write_text(";; a comment\nmeeting 1 0.5 0.25 good 0.9\nmeeting 1 0.75 0.5 morning NA lex anna\n")
    assert plain(read_transcript(path)) == [("good", 0.5, 0.75), ("morning", 0.75, 1.25)]
    path.write_text("a 1 0.5 0.25 good\nb 1 0.5 0.25 bye\nb 1 1.0 0.25 <eps>\n")
    assert plain(read_transcript(path, "b")) == [("bye", 0.5, 0.75)]
    with pytest.raises(DataError, match="expected the words of one recording, got those of a, b"):
        read_transcript(path)
    with pytest.raises(DataError, match="expected words of the recording 'c', got those of a, b"):
        read_transcript(path, "c")
    path.write_text("a 1 0.5 x good\n")
    with pytest.raises(DataError, match=r"words\.ctm:1: expected a duration in seconds, 0 or more, got 'x'"):
        read_transcript(path)


def test_subtitles(read):
    srt = "1\n00:00:01,000 --> 00:00:02,200\nI <i>see</i>\nit\n\n2\n00:00:03,000 --> 00:00:04,000\nBye!\n"
    found = read(srt, "a.srt")
    assert plain(found) == [("I", 1.0, 1.2), ("see", 1.2, 1.8), ("it", 1.8, 2.2), ("Bye!", 3.0, 4.0)]
    assert [word.ends_segment for word in found.words] == [False, False, True, True]
    assert not found.words[3].estimated, "a word alone has all of the cue"


def test_captions_that_roll_up(read):
    """Of YouTube: a cue begins with the line before it, and a short one between them has nothing new."""
    cues = (
        ("00:00:00.160", "00:00:02.389", " \ngood<00:00:00.400><c> morning</c>"),
        ("00:00:02.389", "00:00:02.399", "good morning\n "),
        ("00:00:02.399", "00:00:05.000", "good morning\nno<00:00:03.000><c> no</c>"),
        ("00:00:05.000", "00:00:05.010", "no no\n "),
        ("00:00:05.010", "00:00:06.000", "no no\nno no"),
        ("00:00:06.000", "00:00:06.010", "no no\n "),
    )
    vtt = "".join(f"{a} --> {b} align:start position:0%\n{text}\n\n" for a, b, text in cues)
    found = read(f"WEBVTT\nKind: captions\nLanguage: en\n\n{vtt}", "a.vtt").words
    assert [word.text for word in found] == ["good", "morning", "no", "no", "no", "no"]
    assert [word.start_s for word in found] == [0.16, 0.4, 2.399, 3.0, 5.01, pytest.approx(5.505)]
    srt = (
        "1\n00:00:00,160 --> 00:00:02,389\n\ngood morning\n\n"  # as ffmpeg makes SubRip of them
        "2\n00:00:02,389 --> 00:00:02,399\ngood morning\n \n\n"
        "3\n00:00:02,399 --> 00:00:05,000\ngood morning\nno no\n\n"
    )
    found = read(srt, "a.srt").words
    assert [word.text for word in found] == ["good", "morning", "no", "no"]
    assert found[0].start_s == 0.16


def test_a_text_may_be_said_twice(read):
    srt = "1\n00:00:01,000 --> 00:00:02,000\nNo!\n\n2\n00:00:02,000 --> 00:00:03,000\nNo!\n"
    assert [word.text for word in read(srt, "a.srt").words] == ["No!", "No!"]


def test_a_cue_without_text_is_not_the_next_ones(read):
    srt = "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:02,000 --> 00:00:03,000\nYes\n"
    assert [word.text for word in read(srt, "a.srt").words] == ["Yes"]


def test_webvtt_with_times_in_the_text(read):
    vtt = (
        "WEBVTT\nKind: captions\n\nNOTE a --> remark\n\n00:01.000 --> 00:03.000 align:start position:0%\n"
        "Good<00:00:01.400><c> morning</c><00:00:02.000><c> R&amp;D</c>\n"
    )
    with pytest.raises(DataError, match=r"a\.vtt:4: expected '00:00:01,000 --> 00:00:02,500'"):
        read(vtt, "a.vtt")
    found = read(vtt.replace("a -->", "a"), "a.vtt")
    assert plain(found) == [("Good", 1.0, 1.4), ("morning", 1.4, 2.0), ("R&D", 2.0, 3.0)]


def test_names_in_subtitles_are_not_words(read):
    srt = "1\n00:00:01,000 --> 00:00:02,000\nNote: we\n\n2\n00:00:03,000 --> 00:00:04,000\nbegin\n"
    assert [word.text for word in read(srt, "a.srt").words] == ["Note:", "we", "begin"]
    srt = "1\n00:00:01,000 --> 00:00:02,000\nanna: Good\n\n2\n00:00:03,000 --> 00:00:04,000\nben: Well: yes\n"
    assert [word.text for word in read(srt, "a.srt").words] == ["Good", "Well:", "yes"]


TEXTGRID = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.5
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "anna - words"
        xmin = 0
        xmax = 2.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1
            text = ""
        intervals [2]:
            xmin = 1
            xmax = 1.5
            text = "say ""hi"""
        intervals [3]:
            xmin = 1.5
            xmax = 2.5
            text = "sp"
    item [2]:
        class = "IntervalTier"
        name = "anna - phones"
        xmin = 0
        xmax = 2.5
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 2.5
            text = "HH"
    item [3]:
        class = "TextTier"
        name = "marks"
        xmin = 0
        xmax = 2.5
        points: size = 1
        points [1]:
            number = 1.0
            mark = "x"
'''


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_textgrid(read, encoding):
    assert plain(read(TEXTGRID.encode(encoding), "a.TextGrid")) == [('say "hi"', 1.0, 1.5)]
    with pytest.raises(DataError, match=r"expected a tier called 'words', got 'anna - x', 'anna - phones'"):
        read(TEXTGRID.replace("anna - words", "anna - x"), "a.TextGrid")


CHAT = """@UTF8
@Begin
@Languages:	eng
@Participants:	ANN Anna Participant, BEN Participant, UNK Unidentified
*ANN:	well &-um <I know> [/] xxx know
	that (.) one , yes +... |1000_3000|
*BEN:	mhm [>] . |2000_2400|
%com:	nods
*UNK:	www .
*BEN:	&=laughs . |2900_3000|
*UNK:	not so [<] ?
*ANN:	see you . |5000_6000|
%wor:	see |5000_5300| you |5600_6000| .
*BEN:	bye !
@End
""".replace("|", "\x15")


@pytest.mark.parametrize("head", ["", "\ufeff"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_chat(read, head, ends):
    found = read((head + CHAT.replace("\n", ends)).encode(), "a.cha")
    of_ben = [(x.text, x.start_s, x.end_s, x.estimated, x.ends_segment) for x in found.words if x.speaker == "BEN"]
    assert of_ben == [("mhm.", 2.0, 2.4, False, True), ("bye!", 6.0, 6.2, True, True)]
    of_nobody = [(x.text, x.start_s, x.end_s, x.estimated) for x in found.words if x.speaker is None]
    assert of_nobody == [("not", 3.8, 4.4, True), ("so?", 4.4, 5.0, True)]
    of_anna = [x for x in found.words if x.speaker == "Anna"]
    assert joined(of_anna) == "well um I know know that one, yes… see you."
    assert [(x.start_s, x.end_s) for x in of_anna[-2:]] == [(5.0, 5.3), (5.6, 6.0)]
    assert (of_anna[0].start_s, of_anna[-3].end_s, found.language) == (1.0, 3.0, "en")
    assert all(word.estimated for word in of_anna[:-2]) and not any(word.estimated for word in of_anna[-2:])


def test_chat_in_scripts_without_spaces_and_with_words_nobody_wrote_down(read):
    line = "*ANN:\t你 好 xxx 吗 ? |0_900|\n%wor:\t你 |0_100| 好 |200_300| 吗 |400_500| ?\n"
    found = read(f"@Begin\n@Languages:\tzho\n{line}*BEN:\txxx . |900_990|\n".replace("|", "\x15"), "a.cha")
    assert joined(found.words) == "你好吗?" and found.language == "zh"
    assert [x.start_s for x in found.words] == [0.0, 0.2, 0.4]


def test_chat_without_times(read):
    with pytest.raises(DataError, match=r"a\.cha: expected utterances with times \(bullets\), got 1 without$"):
        read("@Begin\n*ANN:\thello .\n", "a.cha")
    assert read("@Begin\n*ANN:\t&=laughs .\n@End\n", "a.cha").words == []


EXB = """<?xml version="1.0" encoding="UTF-8"?>
<!-- (c) http://www.rrz.uni-hamburg.de/exmaralda -->
<basic-transcription><head><speakertable><speaker id="S"><abbreviation>ANN</abbreviation></speaker>
<speaker id="N"><abbreviation>(nobody known)</abbreviation></speaker></speakertable></head>
<basic-body><common-timeline><tli id="T0"/><tli id="T1" time="1"/><tli id="T2" time="2"/><tli id="T3" time="2.5"/>
<tli id="T4" time="4"/></common-timeline>
<tier id="A" speaker="S" category="v" type="t"><event start="T0" end="T1">lost </event>
<event start="T1" end="T2">So to</event><event start="T2" end="T3">gether ((0,3s)), </event>
<event start="T3" end="T4">((unv.)) again. </event></tier>
<tier id="B" speaker="N" category="v" type="t"><event start="T2" end="T3">Yes</event>
<event start="T3" end="T4">no</event></tier></basic-body></basic-transcription>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_exmaralda(read, encoding):
    """Words that events cut; events without times; and a tier whose events are words."""
    with pytest.warns(PysidWarning, match=r"a\.exb: 1 of 6 events have no start or end: left out$"):
        found = read(EXB.replace("UTF-8", encoding.removesuffix("-sig")).encode(encoding), "a.exb")
    of_anna = [word for word in found.words if word.speaker == "ANN"]
    assert [(word.text, word.ends_segment) for word in of_anna] == [
        ("So", False),
        ("together,", False),
        ("again.", True),
    ]
    assert (of_anna[1].start_s, of_anna[1].end_s, of_anna[1].estimated) == (1.5, 2.428571, True)
    assert [(x.text, x.start_s, x.estimated) for x in found.words if x.speaker is None] == [
        ("Yes", 2.0, False),
        ("no", 2.5, False),
    ]


def test_exmaralda_after_a_long_comment(read):
    long = EXB.replace("<!-- (c)", "<!-- " + "licence " * 1000 + "(c)")
    with pytest.warns(PysidWarning, match="left out"):
        assert len(read(long, "a.exb").words) == 5


def test_punctuation_follows_its_word_and_openings_the_next(read):
    pieces = ["¿", "Qué", "?", "-", "Nada", ".", "("]
    segment = {"start": 0, "end": 7, "text": "", "words": [{"word": f" {x}", "start": 1, "end": 2} for x in pieces]}
    assert [word.text for word in read({"segments": [segment]}).words] == ["¿Qué?", "- Nada.", "("]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "got an empty file"),
        ("nothing of the kind", "expected the JSON of whisper.cpp, AWS Transcribe"),
        ("{", "words.json:1: expected JSON: "),
        ("[" * 100_000, "expected JSON, got lists nested too deeply"),
        ({"a": 1, "b": 2}, "got the keys 'a', 'b'"),
        ([1, 2], "got the keys none"),
        ({}, "got the keys none"),
        ({"segments": [{"start": 0, "end": 1}, {"text": "x"}]}, "expected segments[1] to be an object with 'start'"),
        (
            {"segments": [{"start": 0, "end": 1, "text": "x", "words": [{"word": "x", "start": "soon", "end": 1}]}]},
            "expected segments[0].words[0].start to be a number, got '\"soon\"'",
        ),
        ({"segments": [{"start": -4, "end": 1, "text": "x"}]}, "expected segments[0].start to be seconds, 0 or more"),
        ({"segments": "none"}, "got the keys 'segments'"),
        ({"transcription": [{"text": "x"}]}, "expected transcription[0] to be an object with 'offsets', got one with"),
        ({"results": {"items": [{"type": "pronunciation"}]}}, "expected results.items[0] to be an object with 'altern"),
        ({"results": {"channels": 3}}, "expected results.channels to be a list, got '3'"),
        ({"words": [{"text": "x", "start": 1}]}, "expected words[0] to be an object with 'end', got one with"),
        ('{"segments": [{"start": NaN, "end": 1, "text": "x"}]}', "expected segments[0].start to be a number"),
        ({"result": [{"word": 3, "start": 1, "end": 2}]}, "expected result[0].word to be text, got '3'"),
    ],
)
def test_what_is_no_transcript(read, content, message):
    with pytest.raises(DataError) as caught:
        read(content)
    assert message in str(caught.value) and "words.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot read the file: No such file"):
        read_transcript(tmp_path / "none.json")
