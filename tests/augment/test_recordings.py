"""Settings of augmentation: what they mean, and what is wrong with them."""

import sys

import numpy as np
import pytest

from pysid.augment import BabbleAugment, MadeNoiseAugment, MemoryBank, MusicAugment, NoiseAugment, ReverbAugment
from pysid.augment.recordings import TrainingAugmentConfig, open_augmenter, open_bank, open_rooms
from pysid.config import from_plain, to_plain
from pysid.errors import DataError
from pysid.io.audio.files import write_audio


@pytest.fixture
def noises(tmp_path):
    """A data directory of two noises, one of another rate, and a list of two room responses."""
    rng = np.random.default_rng(0)
    for name, rate in (("a", 16000), ("b", 8000)):
        write_audio(tmp_path / "noises" / f"{name}.flac", 500 * rng.standard_normal(4000), rate)
    (tmp_path / "noises" / "wav.scp").write_text("a a.flac\nb b.flac\n")
    (tmp_path / "rir_list").write_text(
        "--rir-id 1 --room-id 1 noises/a.flac\n--rir-id 2 --room-id 1 --probability 0.9 noises/b.flac\n"
    )
    return tmp_path / "noises"


def test_policies_are_kaldis_where_there_are_recordings():
    everything = TrainingAugmentConfig(noises="n", music="m", speech="s", rooms="r").augmenter
    assert everything.policies == (ReverbAugment(), NoiseAugment(), MusicAugment(), BabbleAugment())
    some = from_plain(TrainingAugmentConfig, {"speech": "s", "rooms": ["a", "b"], "probability": 0.3}, "c.yaml")
    assert some.augmenter.policies == (ReverbAugment(), BabbleAugment()) and some.augmenter.probability == 0.3
    policies = [{"kind": "music", "weight": 2, "snrs_db": [5]}]
    chosen = from_plain(TrainingAugmentConfig, {"noises": "n", "music": "m", "policies": policies}, "c.yaml")
    assert chosen.augmenter.policies == (MusicAugment(weight=2.0, snrs_db=(5.0,)),)
    assert from_plain(TrainingAugmentConfig, to_plain(chosen), "c.yaml") == chosen
    made = from_plain(TrainingAugmentConfig, {"policies": [{"kind": "made"}]}, "c.yaml")  # needs no recordings
    assert made.augmenter.policies == (MadeNoiseAugment(),)
    in_rooms = from_plain(TrainingAugmentConfig, {"noises": "n", "rooms": "r", "room_probability": 0.3}, "c.yaml")
    assert in_rooms.augmenter.room_probability == 0.3
    alone = from_plain(TrainingAugmentConfig, {"telephone": {"low_hz": [300, 400]}}, "c.yaml")
    assert alone.telephone.low_hz == (300.0, 400.0) and alone.augmenter is None and open_augmenter(alone, 8000) is None


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({}, "expected at least one of noises, music, speech, rooms, telephone, got none"),
        ({"noises": "n", "policies": [{"kind": "babble"}]}, "the policy 'babble' needs `speech`, which is not set"),
        ({"noises": "n", "policies": [{"kind": "hum"}]}, r"'policies\[0\].kind' must be one of reverb, noise, music"),
        ({"noises": "n", "probability": 2}, r"probability must lie in \[0, 1\], got 2.0"),
        ({"noises": "n", "policies": []}, "expected a policy with a weight above 0"),
        ({"telephone": {"probability": 2}}, r"telephone: probability must lie in \[0, 1\], got 2.0"),
        ({"telephone": {}, "room_probability": 0.3}, 'room_probability needs a policy of the kind "reverb"'),
        ({"noise": "n"}, "unknown key 'noise'; known here: noises, music, speech, rooms"),
        ({"noises": "n", "room_probability": 0.5}, 'room_probability needs a policy of the kind "reverb"'),
        ({"rooms": 3}, "'rooms' must be text, got 3"),
    ],
)
def test_wrong_settings(plain, message):
    with pytest.raises(DataError, match=rf"^c.yaml: {message}"):
        from_plain(TrainingAugmentConfig, plain, "c.yaml")


@pytest.mark.parametrize("in_memory", [False, True])
def test_recordings_are_opened(noises, in_memory):
    settings = TrainingAugmentConfig(noises=str(noises), rooms=str(noises.parent / "rir_list"), in_memory=in_memory)
    augmenter = open_augmenter(settings, 16000)
    bank = augmenter.banks["noise"]
    assert bank.names == ["a", "b"] and [bank.n_samples(i) for i in (0, 1)] == [4000, 8000]
    assert augmenter.responses.probability == pytest.approx([0.1, 0.9])
    assert {isinstance(x, MemoryBank) for x in (bank, *augmenter.responses.banks)} == {in_memory}
    drawn = [augmenter.draw(1000, np.random.default_rng(seed)).kind for seed in range(30)]
    assert set(drawn) == {"clean", "reverb", "noise"}
    assert open_bank(str(noises / "wav.scp"), 8000).sample_rate == 8000


def test_what_is_missing_is_said_at_once(noises):
    with pytest.raises(DataError, match=r"nowhere: cannot read the file"):
        open_bank("nowhere", 16000)
    (noises / "b.flac").unlink()
    with pytest.raises(DataError, match=r"wav.scp: 1 of 2 recordings are missing; the first is .*b.flac$"):
        open_bank(str(noises), 16000)
    with pytest.raises(DataError, match=r"rir_list: 1 of 2 recordings are missing; the first is .*b.flac$"):
        open_rooms((str(noises.parent / "rir_list"),), 16000)


def test_simulated_rooms_need_a_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(DataError, match=r"simulation of rooms needs .* pip install 'pysid\[rooms\]'"):
        open_rooms("simulated", 16000)
