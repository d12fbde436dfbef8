"""The whole of diarization, on the example conversation and on recordings that are out of the ordinary."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pysid.activity import Activity
from pysid.diarization import Diarization, Diarizer, SpeakerCount
from pysid.diarization.files import with_settings
from pysid.diarization.pauses import pauses_between
from pysid.diarization.pipeline import Analysis, spread, union
from pysid.diarization.speech import speech_mask
from pysid.diarization.steps import Clustering
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import read_rttm
from pysid.metrics.diarization import diarization_error
from pysid.model.speaker_model import SpeakerModel
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segmentation.protocol import FrameGrid
from pysid.segments import Segment, Turn

MEETING = Path(__file__).parents[2] / "examples" / "conversation" / "meeting.ogg"


@pytest.fixture(scope="module")
def reference() -> list[Turn]:
    return read_rttm(MEETING.with_suffix(".rttm"))["meeting"]


@pytest.fixture(scope="module")
def analysis(diarizer: Diarizer) -> Analysis:
    return diarizer.analyse(MEETING)


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 25 s of the conversation."""
    path = tmp_path_factory.mktemp("beginning") / "beginning.wav"
    write_audio(path, read_audio(MEETING, end_s=25.0)[0], 16000)
    return path


def seconds(segments: list[Segment]) -> float:
    return sum(segment.duration_s for segment in segments)


def test_example_conversation(diarizer: Diarizer, analysis: Analysis, reference: list[Turn]) -> None:
    found = diarizer.assign(analysis)
    assert found.speakers == ["speaker1", "speaker2", "speaker3", "speaker4"]
    assert diarization_error(reference, found.turns).confusion < 3.0  # of 62 s
    assert found.turns == sorted(found.turns)


def test_speakers_are_named_as_they_first_speak_whatever_moves_their_borders(
    diarizer: Diarizer, analysis: Analysis
) -> None:
    class FirstHalfLost:
        def __call__(self, features, shift_s, speech, turns):
            return [turn for turn in turns if turn.segment.start_s > 40]

    parts = diarizer.model, diarizer.config, diarizer.backend
    before = Diarizer(*parts, detector=diarizer.detector, resegmenter=lambda *x: x[-1]).assign(analysis)
    after = Diarizer(*parts, detector=diarizer.detector, resegmenter=FirstHalfLost()).assign(analysis)
    assert before.speakers == after.speakers == ["speaker1", "speaker2", "speaker3", "speaker4"]
    late = [turn.speaker for turn in before.turns if turn.segment.start_s > 40]
    renamed = dict(zip(dict.fromkeys(late), after.speakers, strict=True))
    assert list(renamed) != after.speakers
    assert [turn.speaker for turn in after.turns] == [renamed[name] for name in late]
    # The windows' speakers go by the same names.
    numbers = np.array([after.speakers.index(renamed[name]) for name in before.speakers])
    np.testing.assert_array_equal(after.clustering.labels, numbers[before.clustering.labels])


def test_turns_cover_the_speech_and_nothing_else(diarizer: Diarizer, analysis: Analysis) -> None:
    """But for pauses between speakers, which belong to neither."""
    found = diarizer.assign(analysis)
    n_frames = len(analysis.features)
    covered = speech_mask([turn.segment for turn in found.turns], n_frames, 0.01)
    speech, unbridged = (speech_mask(x, n_frames, 0.01) for x in (analysis.speech, analysis.unbridged))
    assert not (covered & ~speech).any()
    assert (unbridged & ~covered).sum() <= 2  # borders lie between frames
    assert unbridged.sum() < covered.sum() < speech.sum()


def test_windows_are_embedded_as_their_frames_alone(diarizer: Diarizer, analysis: Analysis) -> None:
    for i in (0, len(analysis.windows) // 2, len(analysis.windows) - 1):
        start, end = (round(100 * t[i]) for t in (analysis.windows.start_s, analysis.windows.end_s))
        frames = analysis.features.normalized(start, end).numpy()
        ((_, alone),) = diarizer.model.embed_features([("window", frames)])
        assert np.linalg.norm(analysis.embeddings[i] - alone) <= 1e-5 * np.linalg.norm(alone)


@pytest.mark.parametrize("kind", ["ahc", "spectral", "vbx"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_given_number_of_speakers(analysis: Analysis, diarizer: Diarizer, kind: str, n: int) -> None:
    other = diarizer.with_config(with_settings(diarizer.config, {"clustering.kind": kind}))
    assert len(other.assign(analysis, SpeakerCount.exactly(n)).speakers) == n


def test_bounded_number_of_speakers(analysis: Analysis, diarizer: Diarizer) -> None:
    assert len(diarizer.assign(analysis, SpeakerCount(maximum=3)).speakers) == 3
    assert len(diarizer.assign(analysis, SpeakerCount(minimum=6)).speakers) == 6


def test_speech_that_is_given_is_kept(diarizer: Diarizer, beginning: Path, reference: list[Turn]) -> None:
    """Also where turns of it overlap, or end after the recording."""
    spoken = [turn.segment for turn in reference if turn.segment.end_s < 25] + [Segment(24.0, 999.0)]
    analysis = diarizer.analyse(beginning, speech=spoken)
    assert analysis.speech[-1].end_s == pytest.approx(analysis.features.duration_s)
    turns = diarizer.assign(analysis).turns
    assert seconds(union([turn.segment for turn in turns], 1e9)) == pytest.approx(seconds(analysis.speech), abs=0.02)


def test_joined_speech(diarizer: Diarizer, analysis: Analysis, beginning: Path) -> None:
    """Windows run on over pauses; turns come out on the clock of the recording, on the frames with speech."""
    joined = diarizer.with_config(with_settings(diarizer.config, {"joined": True}))
    given = [segment for segment in analysis.unbridged or () if segment.end_s < 24.9]
    assert len(given) > 1
    other = joined.analyse(beginning, speech=given)
    spoken = speech_mask(given, len(other.features), 0.01)
    np.testing.assert_array_equal(other.frames, np.flatnonzero(spoken))
    turns = joined.assign(other).turns
    np.testing.assert_array_equal(speech_mask([t.segment for t in turns], len(spoken), 0.01), spoken)


def test_steps_can_be_replaced(diarizer: Diarizer, analysis: Analysis) -> None:
    class ByTime:
        def __call__(self, embeddings, windows, count):
            return Clustering.in_order((windows.centre_s > 40).astype(int))

    class Reversed:
        def __call__(self, features, shift_s, speech, turns):
            assert features.shape == (len(analysis.features), 81) and shift_s == 0.01 and speech == analysis.speech
            return [Turn(turn.segment, turn.speaker[::-1]) for turn in turns]

    found = Diarizer(diarizer.model, clusterer=ByTime(), resegmenter=Reversed()).assign(analysis)
    assert found.speakers == ["1rekaeps", "2rekaeps"]
    (last, *_) = [t.segment.end_s for t in found.turns if t.speaker == "1rekaeps"][::-1]
    assert 38 < last < 42


@pytest.mark.slow
def test_turns_of_all_blocks_of_a_file_are_those_of_the_file_resampled(
    tmp_path: Path, diarizer: Diarizer, beginning: Path
) -> None:
    """A file of another rate and two channels, of which one is silent, has the same speakers."""
    wave, _ = read_audio(beginning, sample_rate=44100)
    write_audio(tmp_path / "stereo.wav", np.stack([wave, 0 * wave], axis=1), 44100)
    first = diarizer(tmp_path / "stereo.wav", channel=0)
    assert diarization_error(diarizer(beginning).turns, first.turns).der < 0.03
    second = diarizer(tmp_path / "stereo.wav", channel=1)
    assert second.turns == [] and (first.channel, second.channel) == (0, 1)  # which their pages show


def test_silence(tmp_path: Path, diarizer: Diarizer) -> None:
    write_audio(tmp_path / "silent.wav", np.zeros(32000), 16000)
    assert diarizer(tmp_path / "silent.wav").turns == []
    assert diarizer(tmp_path / "silent.wav").duration_s == 2.0


def test_a_third_of_a_second(tmp_path: Path, diarizer: Diarizer) -> None:
    wave, _ = read_audio(MEETING, start_s=2.0, end_s=2.3)
    write_audio(tmp_path / "short.wav", wave, 16000)
    found = diarizer(tmp_path / "short.wav", speech=[Segment(0.0, 0.3)])
    assert found.turns == [Turn(Segment(0.0, 0.3), "speaker1")]


def test_one_speaker(tmp_path: Path, diarizer: Diarizer) -> None:
    path = MEETING.parents[1] / "dev" / "audio" / "slt-0.ogg"
    assert diarizer(path).speakers == ["speaker1"]


def test_union_and_spread() -> None:
    assert union([], 5.0) == []
    assert union([Segment(6.0, 7.0)], 5.0) == []
    turns = [Turn(Segment(0.0, 0.02), "a"), Turn(Segment(0.02, 0.05), "b")]
    frames = np.array([3, 4, 5, 6, 9])
    expected = [("a", 0.03, 0.05), ("b", 0.05, 0.07), ("b", 0.09, 0.1)]
    assert [(t.speaker, t.segment.start_s, t.segment.end_s) for t in spread(turns, frames, 0.01)] == expected


def test_an_energy_vad_needs_features_with_energy(diarizer: Diarizer) -> None:
    fbank = FrontendConfig(features=FbankConfig(n_mels=81))
    model = SpeakerModel(replace(diarizer.model.config, frontend=fbank), diarizer.model.network, diarizer.backend)
    with pytest.raises(DataError, match=r"^an energy VAD needs filter banks with use_energy; take --vad webrtc$"):
        Diarizer(model)


class Hears:
    """A detector that knows when there is speech, and when overlap."""

    def __init__(self, features, speech: list[Segment], overlap: list[Segment]) -> None:
        self.features = features
        self.segments = speech, overlap
        self.local: LocalSpeech | None = None
        self.quiet: Segment | None = None  # where the detector of sound hears none

    def __call__(self, features) -> Activity:
        speech, overlap = (speech_mask(x, len(features), 0.01).astype(np.float32) for x in self.segments)
        sound = None if self.quiet is None else 1 - speech_mask([self.quiet], len(features), 0.01).astype(np.float32)
        return Activity(speech, overlap, sound=sound, local=self.local)


NETWORK = {"vad": {"kind": "network"}, "overlap": {"kind": "network"}}


def test_a_network_finds_speech_and_overlap(diarizer: Diarizer) -> None:
    config = with_settings(diarizer.config, NETWORK)
    features = diarizer.model.config.frontend.features
    hears = Hears(features, [Segment(2.0, 20.0), Segment(40.0, 60.0)], [Segment(10.0, 11.0)])
    found = Diarizer(diarizer.model, config, diarizer.backend, detector=hears).with_config(config)
    analysis = found.analyse(MEETING)
    assert [round(x.start_s) for x in analysis.speech] == [2, 40] and seconds(analysis.speech) == pytest.approx(
        38, abs=1
    )
    diarization = found.assign(analysis)
    two = [t for t in diarization.turns if t.segment.start_s <= 10.5 < t.segment.end_s]
    assert len({turn.speaker for turn in two}) == 2
    alone = found.with_config(with_settings(config, {"overlap": None})).assign(analysis)
    extra = seconds([t.segment for t in diarization.turns]) - seconds([t.segment for t in alone.turns])
    assert extra == pytest.approx(1.0, abs=0.25)
    strict = found.with_config(with_settings(config, {"overlap.min_s": 1.5}))  # the second speaker's turn has 1 s
    assert strict.assign(analysis).turns == alone.turns


def test_short_pauses_are_what_the_detector_of_sound_hears(diarizer: Diarizer) -> None:
    config = with_settings(diarizer.config, {"vad": {"kind": "network"}, "overlap": None})
    hears = Hears(diarizer.model.config.frontend.features, [Segment(2.0, 20.0)], [])
    found = Diarizer(diarizer.model, config, diarizer.backend, detector=hears).with_config(config)
    before = found.analyse(MEETING)
    assert len(before.speech) == len(before.unbridged) == 1
    hears.quiet = Segment(9.0, 9.4)
    analysis = found.analyse(MEETING)
    assert analysis.speech == before.speech
    [pause] = pauses_between(analysis.unbridged)
    assert pause.start_s == pytest.approx(9.0, abs=0.1) and pause.end_s == pytest.approx(9.4, abs=0.1)


def test_local_segmentation_finds_second_speakers(diarizer: Diarizer, beginning: Path) -> None:
    config = with_settings(diarizer.config, {"vad": {"kind": "network"}, "overlap": None})
    features = diarizer.model.config.frontend.features
    hears = Hears(features, [Segment(0.0, 25.0)], [Segment(0.0, 25.0)])
    plain = Diarizer(diarizer.model, config, diarizer.backend, detector=hears)
    turns = plain.assign(plain.analyse(beginning)).turns
    first, second = next(pair for pair in pairwise(turns) if len({turn.speaker for turn in pair}) == 2)
    border_s = round(first.segment.end_s, 1)
    active = np.zeros((1, 600, 2), bool)  # a window of 6 s around the border, in which the first speaker goes on
    active[0, : 300 + 50, 0] = active[0, 300:, 1] = True
    hears.local = LocalSpeech(FrameGrid(0.01, 0.0, 6.0), np.array([round(100 * border_s) - 300]), active, 25.0)
    local = plain.with_config(with_settings(config, {"overlap": {"kind": "local"}}))
    found = local.assign(local.analyse(beginning)).turns
    both = [t.speaker for t in found if t.segment.start_s < border_s + 0.2 < t.segment.end_s]
    assert sorted(both) == sorted([first.speaker, second.speaker])


class Nobody:
    """A step that finds no second speakers."""

    def __call__(self, embeddings, windows, clustering):
        return np.full(len(windows), -1)


@pytest.mark.slow
def test_what_is_heard_is_heard_once_and_where_it_is_needed(diarizer: Diarizer, beginning: Path) -> None:
    features = diarizer.model.config.frontend.features
    hears = Hears(features, [Segment(0.0, 25.0)], [Segment(10.0, 11.0)])

    def analysed(changes, **given):
        own = with_settings(diarizer.config, changes)
        made = Diarizer(diarizer.model, own, diarizer.backend, detector=hears, **given.pop("steps", {}))
        return made, made.analyse(beginning, **given)

    plain, analysis = analysed({"vad": {"kind": "webrtc"}, "overlap": None})
    assert analysis.overlap is None
    with pytest.raises(DataError, match="analysed by settings without overlap"):
        plain.with_config(with_settings(plain.config, {"overlap": {"kind": "network"}})).assign(analysis)
    hearing, analysis = analysed({"vad": {"kind": "network"}, "overlap": {"kind": "network"}})
    assert analysis.overlap is not None and analysis.heard is None
    with pytest.raises(DataError, match="hears no local speakers"):
        hearing.with_config(with_settings(hearing.config, {"overlap": {"kind": "local"}})).assign(analysis)
    own, analysis = analysed(NETWORK, steps={"overlap": Nobody()})
    edges = sorted(own.assign(analysis).turns)
    assert all(a.segment.end_s <= b.segment.start_s + 1e-6 for a, b in pairwise(edges))  # the step alone decides


def test_settings_that_need_a_network_and_models_that_have_none(diarizer: Diarizer) -> None:
    def make(changes, detector=None):
        settings = with_settings(diarizer.config, {"vad": {"kind": "adaptive"}, "overlap": None} | changes)
        return Diarizer(diarizer.model, settings, diarizer.backend, detector=detector)

    make({})
    with pytest.raises(DataError, match=r"finds speech \(segmentation\.json or activity\.json\); take --vad webrtc$"):
        make({"vad": {"kind": "network"}})
    with pytest.raises(DataError, match=r"finds overlap \(segmentation\.json or activity\.json\); take --no-overlap$"):
        make({"overlap": {"kind": "network"}})
    with pytest.raises(DataError, match=r"no local segmentation \(segmentation\.json\); take --no-overlap$"):
        make({"overlap": {"kind": "local"}})
    with pytest.raises(DataError, match="reads other features than the embedding network"):
        make({}, Hears(FbankConfig(n_mels=40), [], []))


def test_webrtc_needs_one_of_its_rates(diarizer: Diarizer) -> None:
    mfcc = replace(diarizer.model.config.frontend.features, sample_rate=11025, high_hz=5000.0)
    frontend = replace(diarizer.model.config.frontend, features=mfcc)
    model = SpeakerModel(replace(diarizer.model.config, frontend=frontend), diarizer.model.network, diarizer.backend)
    with pytest.raises(DataError, match=r"takes 8000, 16000, 32000, 48000 Hz, got 11025; take --vad adaptive$"):
        Diarizer(model, with_settings(diarizer.config, {"vad": {"kind": "webrtc"}, "overlap": None}))


def test_no_turns_can_be_shown(tmp_path: Path) -> None:
    empty = Diarization([], 2.0)
    assert empty.speakers == []
    assert len(empty.to_annotation()) == 0


def test_the_clustering_alone_needs_no_torch() -> None:
    """What stands in for Kaldi's programs must start quickly."""
    code = "import sys, pysid.diarization.ahc; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
