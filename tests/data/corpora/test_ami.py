"""AMI for diarization, from AMI-diarization-setup and from the manual annotations."""

import numpy as np
import pytest
import soundfile

from pysid.data.corpora.ami import prepare_ami, read_speech
from pysid.data.corpus import Corpus
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import read_table
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.segments import Segment

HEAD = '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>\n<nite:root xmlns:nite="http://nite.sourceforge.net/">\n'
WORDS_A = """<w nite:id="w0" starttime="77.44" endtime="77.74">Caf\xe9</w>
<w nite:id="w1" starttime="77.74" endtime="77.74" punc="true">,</w>
<w nite:id="w2" starttime="77.74" endtime="78.16">I&#39;m</w>
<w nite:id="w3">untimed</w>
<vocalsound nite:id="v0" starttime="78.16" endtime="78.9" type="laugh"/>
<w nite:id="w4" starttime="79.0" endtime="79.5">late</w>
<w nite:id="w5" starttime="79.4" endtime="79.6">r</w>
<w nite:id="w6" starttime="80.0" endtime="81.0" punc="true">.</w>
"""
WORDS_B = '<w nite:id="w0" starttime="78.0" endtime="78.5">Okay</w>\n'
SEGMENTS_A = (
    '<segment nite:id="s0" transcriber_start="77.408" transcriber_end="80.2"><nite:child href="x"/></segment>\n'
)
MEETINGS = """<meeting nite:id="m" observation="{}"><speaker nxt_agent="A" global_name="MEE006"/>
<speaker nxt_agent="B" global_name="FEE005"/></meeting>
"""


@pytest.fixture
def annotations(tmp_path):
    """A training meeting of two speakers, and one of the development set."""
    root = tmp_path / "ami_public_manual_1.6.2"

    def write(name, body):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((HEAD + body + "</nite:root>\n").encode("latin-1"))

    write("corpusResources/meetings.xml", MEETINGS.format("ES2002a") + MEETINGS.format("ES2011c"))
    write("words/ES2002a.A.words.xml", WORDS_A)
    write("words/ES2002a.B.words.xml", WORDS_B)
    write("words/ES2011c.B.words.xml", WORDS_B)
    write("segments/ES2002a.A.segments.xml", SEGMENTS_A)
    return root


@pytest.fixture
def setup(tmp_path):
    """AMI-diarization-setup of a test meeting, and another of which there is no audio."""
    root = tmp_path / "AMI-diarization-setup"
    for split in ("train", "dev", "test"):
        (root / "lists").mkdir(parents=True, exist_ok=True)
        (root / "lists" / f"{split}.meetings.txt").write_text("EN2002a\nES2004b\n" if split == "test" else "")
    for kind, end in (("only_words", 2), ("word_and_vocalsounds", 3)):
        for name in ("EN2002a", "ES2004b"):
            path = root / kind / "rttms" / "test" / f"{name}.rttm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"SPEAKER {name} 1 1.5 {end} <NA> <NA> FEE041 <NA> <NA>\n")
    (root / "uems" / "test").mkdir(parents=True)
    (root / "uems" / "test" / "EN2002a.uem").write_text("EN2002a 1 0.000 9.5\n")
    return root


def audio(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.zeros(160000, np.int16), 16000)
    return folder


def spans(turns):
    return [(turn.segment.start_s, turn.segment.end_s, turn.speaker) for turn in turns]


def test_from_the_setup(setup, tmp_path):
    corpus = audio(tmp_path / "amicorpus", "EN2002a/audio/EN2002a.Mix-Headset.wav")
    with pytest.warns(PysidWarning, match=r"^1 meetings of test have no Mix-Headset in .*amicorpus: ES2004b \(all in"):
        prepared = prepare_ami(corpus, setup, tmp_path / "data")
    directory = tmp_path / "data" / "ami_test"
    assert [line.path for line in prepared] == [directory]
    assert Corpus.read(directory).durations() == {"EN2002a": 10.0}
    assert spans(read_rttm(directory / "ref.rttm")["EN2002a"]) == [(1.5, 3.5, "FEE041")]
    assert read_uem(directory / "all.uem") == {"EN2002a": [Segment(0.0, 9.5)]}
    assert read_table(directory / "reco2num_spk") == {"EN2002a": "1"}
    with pytest.warns(PysidWarning, match="ES2004b"):
        prepare_ami(corpus, setup, tmp_path / "more", speech="vocalsounds")
    assert spans(read_rttm(tmp_path / "more" / "ami_test" / "ref.rttm")["EN2002a"]) == [(1.5, 4.5, "FEE041")]


def test_from_the_annotations(annotations, tmp_path):
    corpus = audio(tmp_path / "mixes", "ES2002a.Mix-Headset.wav", "ES2011c.Mix-Headset.wav")
    prepared = prepare_ami(corpus, annotations, tmp_path / "data")
    assert [line.path.name for line in prepared] == ["ami_train", "ami_dev"]
    train = tmp_path / "data" / "ami_train"
    assert spans(read_rttm(train / "ref.rttm")["ES2002a"]) == [
        (77.44, 78.16, "MEE006"),  # two words that touch
        (78.0, 78.5, "FEE005"),
        (79.0, 79.6, "MEE006"),  # two that overlap
    ]
    assert read_uem(train / "all.uem") == {"ES2002a": [Segment(0.0, 10.0)]}
    assert read_table(train / "reco2num_spk") == {"ES2002a": "2"}
    assert list(read_rttm(tmp_path / "data" / "ami_dev" / "ref.rttm")) == ["ES2011c"]


def test_what_counts_as_speech(annotations):
    path = annotations / "words" / "ES2002a.A.words.xml"
    assert read_speech(path, "vocalsounds") == [Segment(77.44, 78.9), Segment(79.0, 79.6)]
    assert read_speech(annotations / "segments" / "ES2002a.A.segments.xml", "segments") == [Segment(77.408, 80.2)]


def test_another_microphone(annotations, tmp_path):
    corpus = audio(tmp_path / "amicorpus", "ES2002a/audio/ES2002a.Array1-01.wav")
    prepared = prepare_ami(corpus, annotations, tmp_path / "data", speech="segments", microphone="Array1-01")
    assert read_table(prepared[0].path / "wav.scp")["ES2002a"].endswith("/ES2002a.Array1-01.wav")
    assert spans(read_rttm(prepared[0].path / "ref.rttm")["ES2002a"]) == [(77.408, 80.2, "MEE006")]


def test_bad_input(annotations, setup, tmp_path):
    def message(reference, **options):
        with pytest.raises(DataError) as caught:
            prepare_ami(tmp_path / "mixes", reference, tmp_path / "data", **options)
        return str(caught.value)

    (tmp_path / "mixes").mkdir()
    assert message(tmp_path / "none") == f"{tmp_path}/none: expected a folder with references, got nothing"
    assert message(annotations / "words").endswith(
        "expected AMI-diarization-setup with only_words/ in it, or AMI's annotations with words/; got "
        "ES2002a.A.words.xml, ES2002a.B.words.xml, ES2011c.B.words.xml"
    )
    assert message(annotations) == (
        f"{tmp_path}/mixes: expected audio such as ES2002a/audio/ES2002a.Mix-Headset.wav, got none"
    )
    assert message(setup, speech="segments").endswith("segments are in AMI's manual annotations")
    (annotations / "words" / "ES2002a.C.words.xml").write_text("<w/>")
    assert message(annotations).endswith("ES2002a.C.words.xml: expected an agent of meetings.xml, got 'C' of 'ES2002a'")
    (annotations / "words" / "ES2002a.C.words.xml").unlink()
    (annotations / "words" / "ES2002a.A.words.xml").write_text('<r><w starttime="x" endtime="2"/></r>')
    assert message(annotations).endswith("A.words.xml: expected times in seconds, got 'x' and '2'")
    for text in ("<r>", '<?xml version="1.0" encoding="shift_jis"?><r/>'):
        (annotations / "words" / "ES2002a.A.words.xml").write_text(text)
        assert "A.words.xml: expected XML, got something else: " in message(annotations)
    meetings = annotations / "corpusResources" / "meetings.xml"
    meetings.write_text(meetings.read_text().replace(' nxt_agent="B"', ""))
    assert message(annotations).endswith(
        "meetings.xml: expected observation, nxt_agent and global_name, got ('ES2002a', None, 'FEE005')"
    )
    meetings.unlink()
    assert message(annotations).endswith("meetings.xml: cannot read the file: No such file or directory")
