import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError
from pysid.metrics.diarization import error_pieces
from pysid.report.page import clock, render_page, write_page
from pysid.segments import Segment, Turn

HOSTILE = "</script><img src=x onerror=alert(1)> & \u2028 ' \""
TURNS = [
    Turn(Segment(4.0, 6.0), "ben"),
    Turn(Segment(1.0, 3.5), "anna"),
    Turn(Segment(6.0, 6.5), "anna"),
    Turn(Segment(3.0, 3.2), "anna"),
]
REFERENCE = [Turn(Segment(1.0, 4.0), "A"), Turn(Segment(4.0, 6.0), "B"), Turn(Segment(8.0, 9.0), "C")]


class Elements(HTMLParser):
    """The elements of a page: (tag, attributes, text directly in it)."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])

    def handle_data(self, data):
        if self.elements:
            self.elements[-1][2] += data

    def find(self, tag, **attributes):
        return [e for e in self.elements if e[0] == tag and attributes.items() <= e[1].items()]


def data_of(page):
    return json.loads(Elements(page).find("script", id="data")[0][2])


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "meeting.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(160_000)), 16000)
    return path


def page_of(audio, turns=TURNS, **options):
    return render_page(audio, turns, **({"duration_s": 10.0, "title": "a meeting"} | options))


def test_turns_are_in_order_of_time_and_speakers_as_they_come(recording):
    data = data_of(page_of(recording))
    assert [speaker["name"] for speaker in data["speakers"]] == ["anna", "ben"]
    assert data["turns"] == [[1000, 3500, 0], [3000, 3200, 0], [4000, 6000, 1], [6000, 6500, 0]]
    assert data["duration_ms"] == data["sound_ms"] == 10000
    assert data["recording"] == "meeting"
    assert len(base64.b64decode(data["peaks"])) == 2 * 1000


def test_the_table_says_how_long_each_speaks(recording):
    page = re.sub(r"<[^>]*>", " ", page_of(recording).split("<tbody>")[1].split("</tbody>")[0])
    # anna: 2.5 s, of which 0.2 s are in two turns, and 0.5 s
    assert page.split() == ["0:03.0", "60%", "3", "Solo", "0:02.0", "40%", "1", "Solo"]


def test_nothing_is_loaded_from_elsewhere(recording):
    page = page_of(recording, reference=REFERENCE, errors=error_pieces(REFERENCE, TURNS))
    for _, attributes, _ in Elements(page).elements:
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert not re.search(r"@import|url\(", page)


def test_the_policy_names_the_only_style_and_script(recording):
    page = page_of(recording)
    policy = Elements(page).find("meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    for tag in ("style", "script"):
        text = re.search(rf'<{tag}(?: type="module")?>(.*?)</{tag}>', page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert rules == {"img-src": "data:", "media-src": "blob:"}


def test_foreign_text_is_escaped(tmp_path, recording):
    turns = [Turn(Segment(0, 1), HOSTILE), Turn(Segment(1, 2), "b")]
    path = recording.rename(tmp_path / "<b>.wav")
    options = {"title": HOSTILE, "figures": {HOSTILE: HOSTILE}, "reference": [Turn(Segment(0, 1), HOSTILE)]}
    page = page_of(path, turns, **options, errors=error_pieces(turns, [Turn(Segment(0, 2), HOSTILE)]))
    plain = Elements(page_of(path))
    elements = Elements(page)
    assert not elements.find("img")
    assert len(elements.find("script")) == len(plain.find("script"))
    assert html.escape(HOSTILE, quote=False)[:30] in page
    data = data_of(page)
    assert data["speakers"][0]["name"] == data["reference"]["speakers"][0]["name"] == HOSTILE
    raw = elements.find("script", id="data")[0][2]
    assert not set("<>&\u2028\u2029") & set(raw)
    missing = page_of(tmp_path / HOSTILE.replace("/", ""))
    assert not Elements(missing).find("img")


def test_text_that_cannot_be_encoded_does_no_harm(tmp_path):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    write_page(tmp_path / "page.html", None, [Turn(Segment(0, 1), name)], duration_s=2.0, title=name)
    assert "caf?" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_figures_are_percentages(recording):
    page = page_of(recording, figures={"DER": 0.12345, "collar": "0.25 s"})
    assert "<dt>DER</dt><dd>12.35%</dd>" in page and "<dt>collar</dt><dd>0.25 s</dd>" in page
    assert "<dt>" not in page_of(recording)


def test_the_reference_looks_like_the_speakers_that_it_names(recording):
    data = data_of(page_of(recording, reference=REFERENCE))
    looks = {speaker["name"]: speaker["look"] for speaker in data["speakers"]}
    rows = data["reference"]["speakers"]
    assert [(row["name"], row["look"]) for row in rows[:2]] == [("A", looks["anna"]), ("B", looks["ben"])]
    assert rows[2]["name"] == "C" and rows[2]["look"] not in looks.values()
    assert rows[0]["summary"] == "1 turn, 0:03.0"
    assert data["reference"]["turns"][2] == [8000, 9000, 2]
    assert data["kinds"] == data["errors"] == []


def test_errors_have_a_row_for_each_kind(recording):
    errors = error_pieces(REFERENCE, TURNS)
    data = data_of(page_of(recording, reference=REFERENCE, errors=errors))
    assert [(kind["name"], kind["total"]) for kind in data["kinds"]] == [
        ("missed", "0:01.5"),
        ("false alarm", "0:00.5"),
        ("confusion", "0:00.0"),
    ]
    assert data["errors"] == [
        [3500, 4000, 0, "A", []],
        [6000, 6500, 1, "", [0]],
        [8000, 9000, 0, "C", []],
    ]


def test_without_the_recording_the_page_says_why(tmp_path):
    missing = page_of(tmp_path / "gone.wav")
    assert "The recording gone.wav was not there when this page was made" in missing
    assert data_of(missing)["sound"] is None and data_of(missing)["peaks"] == ""
    assert data_of(missing)["recording"] == "gone"
    assert "This page was made without the recording" in page_of(None)
    assert data_of(page_of(None))["recording"] == "a meeting"


def test_a_recording_in_which_nobody_speaks(recording):
    page = page_of(recording, [], reference=[], errors=[])
    assert "Nobody speaks." in page
    assert data_of(page)["turns"] == []
    assert data_of(page_of(recording, [], reference=REFERENCE))["reference"]["turns"]


def test_a_turn_past_the_end_makes_the_time_line_longer(recording):
    assert data_of(page_of(recording, [Turn(Segment(9.0, 12.5), "a")]))["duration_ms"] == 12500


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan"), float("inf")])
def test_the_duration_must_be_one(duration_s):
    with pytest.raises(ValueError, match="a page needs a duration above 0 s, got"):
        page_of(None, duration_s=duration_s)


def test_the_page_is_written_whole_or_not_at_all(tmp_path, recording):
    write_page(tmp_path / "new" / "page.html", recording, TURNS, duration_s=10.0, title="a meeting")
    written = (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    assert written == page_of(recording)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF no audio")
    with pytest.raises(DataError, match=r"broken\.wav: expected an audio file"):
        write_page(tmp_path / "new" / "page.html", broken, TURNS, duration_s=10.0, title="a meeting")
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == written
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_a_link_is_relative_to_the_page(tmp_path, recording):
    path = tmp_path / "pages" / "sound files" / "ä#1?.wav"
    path.parent.mkdir(parents=True)
    recording.rename(path)
    options = {"duration_s": 10.0, "title": "a meeting", "embed_audio": "link"}
    write_page(tmp_path / "pages" / "page.html", path, TURNS, **options)
    page = (tmp_path / "pages" / "page.html").read_text(encoding="utf-8")
    assert data_of(page)["sound"] == {"url": "sound%20files/%C3%A4%231%3F.wav"}
    assert "media-src &#39;self&#39; file:;" in page
    write_page(tmp_path / "other" / "page.html", path, TURNS, **options)
    page = (tmp_path / "other" / "page.html").read_text(encoding="utf-8")
    assert data_of(page)["sound"] == {"url": path.as_uri()}
    assert not Elements(page).find("script", id="recording")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00.0"), (59.96, "0:59.9"), (60, "1:00.0"), (3600.2, "1:00:00.2")])
def test_clock(seconds, text):
    assert clock(seconds) == text
