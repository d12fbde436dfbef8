"""Diarization from local speakers that are known to be right: what embeddings, clustering and stitching add."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pysid.diarization import Diarizer, SpeakerCount
from pysid.diarization.files import load_config, with_settings
from pysid.diarization.pipeline import Analysis
from pysid.errors import DataError
from pysid.io.audio.reader import AudioReader
from pysid.io.turns.rttm import read_rttm
from pysid.metrics.diarization import diarization_error
from pysid.model.speaker_model import SpeakerModel
from pysid.segmentation import FrameGrid, Powerset
from pysid.segments import Segment, Turn

MEETING = Path(__file__).parents[3] / "examples" / "conversation" / "meeting.ogg"
FINGERPRINT = 400  # samples by which a window is told from others


class Oracle:
    """Says for each window of a recording who speaks, each window's speakers in an order of its own."""

    grid = FrameGrid(0.02, 0.0, 10.0)
    powerset = Powerset(3, 2)
    sample_rate = 16000
    features = None

    def __init__(self, path: Path, turns: Sequence[Turn]) -> None:
        with AudioReader(path, self.sample_rate) as reader:
            wave = reader.read(0, reader.n_samples)
        self._places = {wave[i : i + FINGERPRINT].tobytes(): i // 320 for i in range(0, len(wave) - FINGERPRINT, 320)}
        self._names = sorted({turn.speaker for turn in turns})
        self._active = np.zeros((len(wave) // 320 + 1, len(self._names)), bool)
        for turn in turns:
            first, end = (round(t / 0.02) for t in (turn.segment.start_s, turn.segment.end_s))
            self._active[first:end, self._names.index(turn.speaker)] = True

    def __call__(self, windows: Tensor) -> Tensor:
        said = []
        for window in windows.numpy():
            first = self._places[window[:FINGERPRINT].tobytes()]
            active = self._active[first : first + len(window) // 320]
            most = np.argsort(-active.sum(0))[:3]
            order = np.random.default_rng(first).permutation(most)
            said.append(self.powerset.classes(np.pad(active[:, order], ((0, 0), (0, 3 - len(order))))))
        return torch.nn.functional.one_hot(torch.from_numpy(np.stack(said)), len(self.powerset)).float().log()


@pytest.fixture(scope="module")
def reference() -> list[Turn]:
    return read_rttm(MEETING.with_suffix(".rttm"))["meeting"]


@pytest.fixture(scope="module")
def diarizer(reference: list[Turn]) -> Diarizer:
    model = SpeakerModel.load()
    return Diarizer(model, *load_config(model, {"windows.kind": "local"}), segmentation=Oracle(MEETING, reference))


@pytest.fixture(scope="module")
def analysis(diarizer: Diarizer) -> Analysis:
    return diarizer.analyse(MEETING)


def test_the_truth_of_windows_becomes_that_of_the_recording(
    diarizer: Diarizer, analysis: Analysis, reference: list[Turn]
) -> None:
    found = diarizer.assign(analysis)
    assert found.speakers == ["speaker1", "speaker2", "speaker3", "speaker4"]
    assert diarization_error(reference, found.turns).rates()["DER"] < 0.02
    assert found.turns == sorted(found.turns)
    assert len(found.clustering.labels) == len(analysis.embeddings) == len(analysis.windows)


def test_speech_is_what_is_heard(analysis: Analysis, reference: list[Turn]) -> None:
    spoken = sum(x.duration_s for x in analysis.speech)
    assert spoken == pytest.approx(sum(t.segment.duration_s for t in reference), rel=0.05)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_given_number_of_speakers(diarizer: Diarizer, analysis: Analysis, n: int) -> None:
    assert len(diarizer.assign(analysis, SpeakerCount.exactly(n)).speakers) == n


@pytest.mark.parametrize("kind", ["ahc", "spectral", "vbx"])
def test_other_clusterers_do_as_well(diarizer: Diarizer, analysis: Analysis, kind: str, reference: list[Turn]) -> None:
    changes = {"clustering.kind": kind, "affinity.kind": "plda" if kind == "vbx" else "cosine"}
    other = diarizer.with_config(with_settings(diarizer.config, changes))
    found = other.assign(analysis, SpeakerCount.exactly(4))
    assert diarization_error(reference, found.turns).rates()["DER"] < 0.1


def test_one_speaker_at_a_time(diarizer: Diarizer, analysis: Analysis) -> None:
    turns = diarizer.with_config(replace(diarizer.config, overlap=None)).assign(analysis).turns
    ends_s = np.array([turn.segment.end_s for turn in turns])
    starts_s = np.array([turn.segment.start_s for turn in turns])
    assert (ends_s[:-1] <= starts_s[1:] + 1e-6).all()


def test_speech_that_is_given(diarizer: Diarizer) -> None:
    """What is heard elsewhere does not count, and where nobody is heard somebody speaks all the same."""
    given = [Segment(2.0, 30.0), Segment(30.5, 40.0)]
    turns = diarizer(MEETING, speech=given).turns
    for turn in turns:
        start_s, end_s = turn.segment.start_s, turn.segment.end_s
        assert any(x.start_s - 0.02 <= start_s and end_s <= x.end_s + 0.02 for x in given)
    covered = np.zeros(4000, bool)
    for turn in turns:
        covered[round(100 * turn.segment.start_s) : round(100 * turn.segment.end_s)] = True
    assert covered[202:2998].all()
    assert covered[3052:3998].all()


def test_no_speech_at_all(diarizer: Diarizer) -> None:
    assert diarizer(MEETING, speech=[]).turns == []


def test_without_a_segmentation_network() -> None:
    with pytest.raises(DataError, match="--segmentation"):
        Diarizer.load("xvector", settings={"windows.kind": "local"})


def test_windows_that_leave_speech_out(diarizer: Diarizer) -> None:
    with pytest.raises(DataError, match=r"^windows\.shift_s must be at most the network's window of 10 s, got 20$"):
        diarizer.with_config(with_settings(diarizer.config, {"windows.shift_s": 20.0}))
