"""Real recordings end to end with the shipped model; needs the folder that PYSID_DATA names."""

import os
from pathlib import Path

import numpy as np
import pytest

import pysid
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.metrics.detection import equal_error_rate
from pysid.runs.score import score_list
from pysid.speakers.listen import SpeechListener

DEV = Path(os.environ.get("PYSID_DATA", "/nonexistent")) / "dev"
pytestmark = pytest.mark.skipif(not (DEV / "wav.scp").is_file(), reason="PYSID_DATA names no folder with dev/wav.scp")


def test_speakers_are_told_apart(tmp_path: Path) -> None:
    corpus = Corpus.read(DEV)
    chosen = {u for s, utts in sorted(corpus.spk2utt().items())[:16] for u in utts[:4]}
    trials = [t for t in corpus.trials() if t.enrol in chosen and t.test in chosen]
    corpus.subset(chosen).write(tmp_path)
    lines = [f"{t.enrol} {t.test} {'target' if t.is_target else 'nontarget'}\n" for t in trials]
    (tmp_path / "trials").write_text("".join(lines))
    score_list(tmp_path / "trials", str(tmp_path), tmp_path / "scores")
    scores = [float(line.split()[2]) for line in (tmp_path / "scores").read_text().splitlines()]
    is_target = np.array([t.is_target for t in trials])
    values = np.array(scores)
    eer, _ = equal_error_rate(values[is_target], values[~is_target])
    assert is_target.sum() > 50 and (~is_target).sum() > 50 and eer < 0.15


def test_an_utterance_gets_the_same_embedding_alone_and_among_others() -> None:
    model = pysid.load()
    corpus = Corpus.read(DEV)
    waves = [(u.id, corpus.read_wave(u, model.config.sample_rate)) for u in corpus.utterances[:6]]
    together = dict(model.embed_waves(waves))
    for name, wave in waves:
        ((_, alone),) = model.embed_waves([(name, wave)])
        assert np.linalg.norm(alone - together[name]) <= 1e-5 * np.linalg.norm(alone)


@pytest.mark.filterwarnings("ignore::pysid.errors.PysidWarning")
def test_music_is_refused_or_doubted_and_speech_is_not() -> None:
    listen = SpeechListener(pysid.load())
    clips = sorted((DEV.parent / "music" / "audio").iterdir())[::7]
    n_refused = 0
    for clip in clips:
        try:
            faults = listen(clip).faults
        except DataError as error:
            assert "expected speech, found" in str(error)
            n_refused += 1
        else:
            assert any("sounds like music or noise more than like speech" in fault for fault in faults), clip
    assert len(clips) > 4 and n_refused > len(clips) / 4
    for clip in sorted((DEV / "audio").rglob("*.*"))[::250]:
        assert not any("music" in fault for fault in listen(clip).faults), clip
