"""What `pysid.load` returns, beside the parts that it calls."""

import os

import numpy as np
import pytest
import soundfile

import pysid
from pysid.diarization import Diarizer, SpeakerCount
from pysid.diarization.steps import Clustering
from pysid.diarization.windows import uniform_windows
from pysid.errors import DataError
from pysid.io.turns.rttm import read_rttm
from pysid.model.directory import DEFAULT_MODEL, find_model
from pysid.segments import Segment
from pysid.speakers.verify import OperatingPoint, verify


@pytest.fixture(scope="module")
def loaded():
    return pysid.load("xvector")


@pytest.fixture(scope="module")
def meeting(dev, tmp_path_factory):
    """The first 22 seconds of the example conversation."""
    path = tmp_path_factory.mktemp("audio") / "meeting.wav"
    samples, rate = soundfile.read(dev.parent / "conversation" / "meeting.ogg", dtype="int16")
    soundfile.write(path, samples[: 22 * rate], rate)
    return path


@pytest.fixture(scope="module")
def found(loaded, meeting):
    return loaded.diarize(meeting)


def audio(dev, name):
    return dev / "audio" / f"{name}.ogg"


def test_the_models_that_ship():
    assert pysid.load().path == find_model("default") == find_model(DEFAULT_MODEL)
    assert find_model("xvector").name == "xvector"
    assert isinstance(pysid.load(), pysid.Model)
    with pytest.raises(AttributeError, match="has no attribute 'Modell'"):
        pysid.Modell  # noqa: B018


def test_verify(loaded, dev):
    ann, same, other = (audio(dev, name) for name in ("alicia-0", "alicia-1", "denis-0"))
    assert loaded.verify(ann, same) and not loaded.verify(str(ann), other)
    assert [loaded.verify([ann, same], other)] == verify(loaded, [ann, same], [other])
    decision = loaded.verify(ann, same, prior=0.01, c_miss=10, c_fa=2)
    assert decision.point == OperatingPoint(p_target=0.01, c_miss=10, c_fa=2)
    assert loaded.verify(ann, same, backend="cosine", threshold=-1).probability is None


def test_samples_with_their_rate_are_as_good_as_a_file(loaded, dev, meeting, found):
    paths = [audio(dev, name) for name in ("alicia-0", "alicia-1", "denis-0")]
    samples = [soundfile.read(path) for path in paths]
    np.testing.assert_array_equal(loaded.embed(samples[0]), loaded.embed(paths[0]))
    assert loaded.verify(samples[0], samples[2]) == loaded.verify(paths[0], paths[2])
    assert loaded.verify(tuple(paths[:2]), samples[2]) == loaded.verify(samples[:2], paths[2])
    assert loaded.diarize(soundfile.read(meeting)).turns == found.turns


def test_diarize(loaded, meeting, found):
    diarizer = Diarizer.load("xvector")
    assert found.turns == diarizer(meeting).turns and found.speakers
    two = loaded.diarize(meeting, num_speakers=2)
    assert two.turns == diarizer(meeting, SpeakerCount.exactly(2)).turns and len(two.speakers) == 2
    assert len(loaded.diarize(meeting, max_speakers=2).speakers) <= 2 < len(found.speakers)
    assert (
        loaded.diarize(meeting, settings={"clustering.kind": "ahc", "clustering.threshold": 1e9}).turns != found.turns
    )


def test_a_diarization_is_written_and_shown(found, tmp_path):
    for ending in ("rttm", "srt", "vtt", "json", "txt", "TextGrid", "html"):
        found.save(tmp_path / "new" / f"x.{ending}")
    (turns,) = read_rttm(tmp_path / "new" / "x.rttm").items()
    assert turns[0] == "meeting" and [turn.speaker for turn in turns[1]] == [turn.speaker for turn in found.turns]
    assert found.to_annotation().labels() == sorted(found.speakers)
    assert repr(found) == "<Diarization 'meeting': 3 speakers, 5 turns in 22.0 s>"
    first = found.turns[0]
    assert str(found).splitlines()[0].split() == [
        f"{first.segment.start_s:.2f}",
        f"{first.segment.end_s:.2f}",
        first.speaker,
    ]
    assert "speaker3" in found._repr_html_() and "<script" not in found._repr_html_()
    with pytest.raises(DataError, match=r"x.doc: expected a name that ends in one of .rttm, .srt, .*, .html"):
        found.save("x.doc")


def test_every_step_can_be_replaced(loaded, meeting):
    heard = []

    def step(name, does):
        def call(*arguments):
            heard.append(name)
            return does(*arguments)

        return call

    names = ["speech", "windows", "affinity", "resegmenter", "overlap"]
    found = loaded.diarize(
        meeting,
        num_speakers=2,
        speech=step("speech", lambda features, shift_s: [Segment(1.0, len(features) * shift_s / 3)]),
        windows=step("windows", uniform_windows),
        affinity=step("affinity", lambda embeddings: embeddings @ embeddings.T),
        resegmenter=step("resegmenter", lambda features, shift_s, speech, turns: turns),
        overlap=step("overlap", lambda embeddings, windows, clustering: np.full(len(windows), -1)),
        progress=lambda what, done, total: heard.append(what),
        settings={"clustering.kind": "ahc"},
    )
    assert [x for x in dict.fromkeys(heard) if x in names] == names and {"reading", "embedding"} <= set(heard)
    assert found.turns[0].segment.start_s >= 1.0 and len(found.speakers) == 2
    last = 22 / 3 + 0.01
    assert max(turn.segment.end_s for turn in found.turns) <= last
    one = Diarizer.load("xvector", clusterer=lambda embeddings, windows, count: Clustering(np.zeros(len(windows), int)))
    assert one.with_config(one.config)(meeting).speakers == ["speaker1"]


def test_steps_that_there_are_not(loaded, meeting):
    with pytest.raises(TypeError, match="there is no step 'clustering'; the steps are speech, windows, affinity, "):
        loaded.diarize(meeting, clustering=len)
    with pytest.raises(TypeError, match="the step 'overlap' must be an object that can be called, got int"):
        Diarizer.load("xvector", overlap=3)


def test_whoever_diarizes_the_result_saves(loaded, meeting, found, tmp_path):
    other = Diarizer.load("xvector")(meeting)
    other.save(tmp_path / "other.rttm")
    found.save(tmp_path / "found.rttm")
    assert (tmp_path / "other.rttm").read_text() == (tmp_path / "found.rttm").read_text()
    assert type(other) is type(found) and other.recording == "meeting"


def test_a_waveform_says_its_scale(loaded, dev):
    samples, rate = soundfile.read(audio(dev, "alicia-0"), dtype="int16")
    assert rate == 16000
    expected = loaded.embed((samples, rate))
    np.testing.assert_array_equal(loaded.embed(pysid.Int16Scale(samples)), expected)
    assert loaded.diarize(pysid.Int16Scale(samples), num_speakers=1).speakers == ["speaker1"]
    for call in (loaded.embed, loaded.diarize, lambda x: loaded.verify(x, audio(dev, "alicia-1"))):
        with pytest.raises(DataError, match=r"got an array alone: give \(samples, sample_rate\)"):
            call(samples)


def test_silence_has_no_turns(loaded):
    silent = loaded.diarize((np.zeros(32000), 16000))
    assert silent.turns == [] and str(silent) == "no speech found"


def test_what_contradicts_itself(loaded, meeting, dev):
    with pytest.raises(ValueError, match="expected num_speakers, or min_speakers and max_speakers, got both"):
        loaded.diarize(meeting, num_speakers=2, max_speakers=3)
    with pytest.raises(ValueError, match="got 0 and 0"):
        loaded.diarize(meeting, num_speakers=0)
    with pytest.raises(TypeError, match=r"numbers of speakers must be whole numbers, got 2\.5"):
        loaded.diarize(meeting, num_speakers=2.5)
    with pytest.raises(ValueError, match=r"p_target must lie in \(0, 1\), got 7"):
        loaded.diarize(meeting, prior=7)  # even though nobody is looked up
    with pytest.raises(DataError, match=r"got an array alone"):
        loaded.diarize(np.zeros(16000))
    with pytest.raises(ValueError, match="needs a recording of the speaker"):
        loaded.verify([], audio(dev, "alicia-0"))


def test_a_model_stays_where_it_was(fitted, meeting, tmp_path, monkeypatch):
    monkeypatch.chdir(fitted.parent)
    model = pysid.load(fitted.name)
    meeting = os.path.abspath(meeting)
    monkeypatch.chdir(tmp_path)
    assert model.diarize(meeting, num_speakers=1).speakers == ["speaker1"]
