"""The figures of a model card: groups of trials, meetings as trials, the README; and the conditions for them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pysid.data.corpus import Corpus
from pysid.io.audio.files import write_audio
from pysid.io.tables import read_table, read_trials, read_wav_scp
from pysid.report.tables import markdown
from pysid.segments import Segment, Turn

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recipe():
    """The modules of the recipe, by name."""
    sys.path.insert(0, str(ROOT / "recipes" / "default"))
    try:
        import card
        import conditions
        import groups
        import stretches
    finally:
        sys.path.pop(0)
    return {"card": card, "conditions": conditions, "groups": groups, "stretches": stretches}


def scored(recipe, n_speakers, n_target, n_nontarget):
    make, rng = recipe["groups"].Scored, np.random.default_rng(0)
    names = [f"{i % n_speakers}-{i}" for i in range(max(n_target, n_nontarget))]
    trials = [make(name, "x", True, float(rng.normal(3))) for name in names[:n_target]]
    trials += [make(name, "x", False, float(rng.normal(-3))) for name in names[:n_nontarget]]
    return trials, {name: name.split("-")[0] for name in names}


def test_figures(recipe):
    figures = recipe["groups"].figures
    trials, speaker = scored(recipe, 5, 200, 300)
    row = figures(trials, speaker, calibrated=True)
    assert (row["n_target"], row["n_nontarget"], row["n_speakers"]) == (200, 300, 5)
    assert row["eer"] < 0.02 and row["cllr"] >= row["min_cllr"]
    low = sum(x.score < np.log(99) for x in trials if x.is_target)
    assert row["miss@0.01"] == low / 200 and row["false_alarm@0.01"] == 0
    raw = figures(trials, speaker, calibrated=False)
    assert raw["eer"] == row["eer"] and raw["cllr"] is None and "miss@0.5" not in raw


@pytest.mark.parametrize(("n_speakers", "n_target", "n_nontarget"), [(4, 200, 200), (5, 99, 200), (5, 200, 99)])
def test_small_groups_have_no_figure(recipe, n_speakers, n_target, n_nontarget):
    groups = recipe["groups"]
    row = groups.figures(*scored(recipe, n_speakers, n_target, n_nontarget), calibrated=True)
    assert row["eer"] is row["cllr"] is row["min_cllr"] is row["min_dcf"]["0.01"] is None
    assert (row["miss@0.5"] is None) == (n_speakers < 5 or n_target < 100)
    assert (row["false_alarm@0.5"] is None) == (n_nontarget < 100)
    line = markdown(groups.table({"few": row})).splitlines()[-1]
    assert line.startswith(f"| few | {n_target} | {n_nontarget} | {n_speakers} | - | - | - |")


def test_groups_keep_every_trial_once(recipe):
    trials, _ = scored(recipe, 5, 20, 31)
    groups = recipe["groups"].by_group(trials, lambda x: x.enrol[0] if x.enrol[0] != "4" else None, ["2"])
    assert next(iter(groups)) == "2" and sorted(groups) == ["0", "1", "2", "3"]
    for name, members in groups.items():
        assert members == [x for x in trials if x.enrol[0] == name]


def test_stretches_are_of_one_speaker(recipe):
    turns = [Turn(Segment(0.0, 5.0), "a"), Turn(Segment(4.0, 12.5), "b"), Turn(Segment(5.0, 6.0), "b")]
    found = recipe["stretches"].stretches({"m": turns, "n": [Turn(Segment(1.0, 3.9), "a")]})
    spans = [(x.name, x.segment.start_s, x.segment.end_s, x.speaker) for x in found]
    assert spans == [
        ("m-000000", 0.0, 4.0, "a"),
        ("m-005000", 5.0, 9.0, "b"),
        ("m-009000", 9.0, 12.5, "b"),
        ("n-001000", 1.0, 3.9, "a"),
    ]
    trials = recipe["stretches"].all_pairs(found)
    assert [(t.enrol, t.test) for t in trials if t.is_target] == [("m-000000", "n-001000"), ("m-005000", "m-009000")]
    assert len(trials) == 6


def test_the_number_of_speakers_stands_beside_the_true_one(recipe):
    counts = [
        {"n_true": 1, "n_recordings": 4, "mean_found": 1.25, "right": 0.75},
        {"n_true": 3, "n_recordings": 2, "mean_found": 2.5, "right": 0.5},
    ]
    lines = markdown(recipe["card"].count_table({"meetings": {"counts": counts}})).splitlines()
    assert lines[-2:] == ["| meetings | 1 | 4 | 1.25 | 75 |", "| meetings | 3 | 2 | 2.50 | 50 |"]


def test_the_card_replaces_its_own_part_only(recipe, tmp_path):
    write, readme = recipe["card"].write_card, tmp_path / "README.md"
    readme.write_text("# model\n\nwords\n")
    write(readme, "first")
    readme.write_text(readme.read_text() + "\nmore words\n")
    write(readme, "second")
    text = readme.read_text()
    assert text.startswith("# model\n\nwords\n\n<!-- figures") and text.endswith("-->\n\nmore words\n")
    assert "second" in text and "first" not in text and text.count("<!--") == 2


def test_conditions(recipe, tmp_path, small, monkeypatch):
    """What is for testing shares no source with what is for training; the same seed gives the same files."""
    pytest.importorskip("pyroomacoustics")
    conditions = recipe["conditions"]
    for name in ("N_ROOMS", "N_POSITIONS"):
        monkeypatch.setattr(conditions, name, {"train": 1, "test": 1})
    rng = np.random.default_rng(0)
    for kind in ("noise", "music"):
        names = [f"{kind}-{source}-{take}" for source in "abcdef" for take in "12"]
        for name in names:
            write_audio(tmp_path / kind / f"{name}.wav", rng.normal(scale=1000, size=8000), 16000)
        (tmp_path / kind / "wav.scp").write_text("".join(f"{name} {name}.wav\n" for name in names))
        conditions.split_sounds(tmp_path / kind, tmp_path)
        train, test = (read_wav_scp(tmp_path / f"{kind}_{part}" / "wav.scp") for part in ("train", "test"))
        assert [name.split("-")[1] for name in test] == ["a", "a", "f", "f"] and sorted([*train, *test]) == names
    for part in ("train", "test"):
        conditions.write_rooms(tmp_path / f"rooms_{part}", part)
        responses = list((tmp_path / f"rooms_{part}").glob("*.wav"))
        assert len(responses) == 3
    waves = [(tmp_path / f"rooms_{part}" / "small-room001-00001.wav").read_bytes() for part in ("train", "test")]
    assert waves[0] != waves[1]

    corpus, written = Corpus.read(small), []
    for out in (tmp_path / "x", tmp_path / "y"):
        conditions.write_conditions(corpus, out, conditions.Conditions(tmp_path, seed=0))
        written.append([path.read_bytes() for path in sorted((out / "audio").iterdir())])
    assert written[0] == written[1]
    by_name = read_table(tmp_path / "x" / "utt2cond")
    assert list(by_name.values()) == ["noise", "music", "room", "room-noise", "noise", "music"]
    noisy = Corpus.read(tmp_path / "x")
    assert noisy.utt2spk == corpus.utt2spk and read_trials(tmp_path / "x" / "trials") == read_trials(small / "trials")
    for utterance in corpus:
        clean, harder = corpus.read_wave(utterance, 16000), noisy.read_wave(noisy[utterance.id], 16000)
        assert len(clean) == len(harder) and np.abs(clean - harder).max() > 100
