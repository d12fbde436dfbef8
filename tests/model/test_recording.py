"""A recording in blocks and in parts, and the embedding that its parts have together."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.frontend import VOXCELEB, Frontend, FrontendConfig, MfccConfig, RecordingFeatures, analyse_blocks
from pysid.frontend.quality import QualityMeter
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.audio.samples import Int16Scale
from pysid.model import recording
from pysid.model.recording import embed_parts, name_of_recording, recording_parts
from pysid.model.speaker_model import SpeakerModel

AUDIO = Path(__file__).parents[2] / "examples" / "dev" / "audio" / "slt-0.ogg"
PLAIN = FrontendConfig(features=MfccConfig())


@pytest.fixture
def wave():
    return read_audio(AUDIO, sample_rate=16000)[0]


def part(rows, voiced=None):
    """The features of a part, made by hand."""
    features = torch.tensor(rows, dtype=torch.float32)
    chosen = torch.ones(len(rows), dtype=torch.bool) if voiced is None else torch.tensor(voiced)
    return RecordingFeatures(features, chosen, 160 * len(rows), PLAIN)


def mean_frame(items, on_skip):
    """In the place of a network: the mean frame."""
    for name, frames in items:
        if len(frames):
            yield name, frames.mean(0)
        else:
            on_skip(name, "no frames (no speech found?)")


def test_parts_count_by_their_speech():
    """So the mean frame of the parts is that of all voiced frames, however they are cut."""
    rows = np.random.default_rng(0).normal(size=(30, 3))
    voiced = np.arange(30) % 4 > 0
    for cuts in ([], [10], [1, 2, 29], [16, 17, 18]):
        pieces = [part(x, v.tolist()) for x, v in zip(np.split(rows, cuts), np.split(voiced, cuts), strict=True)]
        np.testing.assert_allclose(embed_parts(mean_frame, "a", pieces), rows[voiced].mean(0), rtol=1e-5)


def test_parts_without_speech_do_not_count():
    silent = part([[9.0, 9.0]] * 5, [False] * 5)
    found = embed_parts(mean_frame, "a", [silent, part([[1.0, 2.0]]), silent])
    assert found.tolist() == [1.0, 2.0] and found.dtype == np.float32
    with pytest.raises(DataError, match=r"^a: no frames \(no speech found\?\)$"):
        embed_parts(mean_frame, "a", [silent, silent])
    with pytest.raises(DataError, match=r"^a: expected audio, got no samples$"):
        embed_parts(mean_frame, "a", [])


def test_a_recording_is_cut_into_parts(wave, monkeypatch):
    (whole,) = recording_parts(Frontend(VOXCELEB), AUDIO)
    assert whole.n_samples == len(wave) and whole.config == VOXCELEB
    monkeypatch.setattr(recording, "PART_S", 2.0)
    parts = list(recording_parts(Frontend(VOXCELEB), AUDIO))
    assert [x.n_samples for x in parts[:-1]] == [32000] * (len(wave) // 32000)
    assert sum(x.n_samples for x in parts) == len(wave) and len(parts) > 2
    alone = analyse_blocks(Frontend(VOXCELEB), [wave[32000:64000]])
    torch.testing.assert_close(parts[1].features, alone.features, rtol=0, atol=1e-4)


def test_blocks_change_nothing(wave, monkeypatch):
    (before,) = recording_parts(Frontend(VOXCELEB), AUDIO)
    monkeypatch.setattr(recording, "BLOCK_S", 0.7)
    (after,) = recording_parts(Frontend(VOXCELEB), Int16Scale(wave))
    torch.testing.assert_close(after.features, before.features, rtol=0, atol=0)
    torch.testing.assert_close(after.voiced, before.voiced)


def test_the_meter_hears_all_of_it(wave):
    there, meter = QualityMeter(16000), QualityMeter(16000)
    there.feed(wave)
    list(recording_parts(Frontend(VOXCELEB), AUDIO, meter=meter))
    assert meter.finish() == there.finish()


def test_a_channel_of_several(tmp_path, wave):
    wave = np.rint(wave)  # as the file has it
    write_audio(tmp_path / "two.wav", np.stack([wave, np.zeros_like(wave)], axis=1), 16000)
    front = Frontend(VOXCELEB)
    (first,), (second,) = (recording_parts(front, tmp_path / "two.wav", channel) for channel in (0, 1))
    (alone,) = recording_parts(front, Int16Scale(wave))
    torch.testing.assert_close(first.features, alone.features, rtol=0, atol=1e-3)
    assert alone.voiced.any() and not second.voiced.any()
    with pytest.raises(DataError, match=r"two\.wav: expected a channel of the file \(0 to 1\), got 2"):
        list(recording_parts(front, tmp_path / "two.wav", 2))


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.wav"):
        list(recording_parts(Frontend(VOXCELEB), tmp_path / "nowhere.wav"))
    with pytest.raises(DataError, match=r"slt-0\.ogg: .*hours"):
        list(recording_parts(Frontend(VOXCELEB), AUDIO, max_hours=1e-4))


@pytest.mark.parametrize(
    ("audio", "name"),
    [
        ("a/b.wav", "a/b.wav"),
        (Path("b.wav"), "b.wav"),
        ("-", "standard input"),
        (b"RIFF", "audio in memory"),
        ((np.zeros(3), 8000), "samples"),
        ([np.zeros(3), 8000], "samples"),
        (np.zeros(3), "waveform"),
        (Int16Scale(np.zeros(3)), "waveform"),
    ],
)
def test_what_it_is_called(audio, name):
    assert name_of_recording(audio) == name


def test_a_file_and_its_waveform_have_one_embedding(model, wave):
    opened = SpeakerModel.load(model)
    embedding = opened.embed(AUDIO)
    assert embedding.shape == (opened.config.network.embedding_dim,)
    np.testing.assert_array_equal(opened.embed(Int16Scale(wave)), embedding)
    with pytest.raises(DataError, match="waveform: no frames"):
        opened.embed(Int16Scale(np.zeros(16000, np.float32)))
    with pytest.raises(DataError, match=r"nowhere\.wav"):
        opened.embed("nowhere.wav")
