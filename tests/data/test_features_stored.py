"""From Kaldi's stored MFCCs and VAD to the network's input, against Kaldi's own."""

from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch

from pysid.data.corpus import Corpus
from pysid.data.features import write_features
from pysid.errors import DataError
from pysid.frontend import VOXCELEB, Frontend
from pysid.io.ark.archive import read_matrices
from pysid.io.ark.writer import ArkWriter

KALDI = Path(__file__).parents[1] / "golden" / "kaldi"


def test_matches_apply_cmvn_sliding_and_select_voiced_frames(kaldi_corpus: Path, tmp_path: Path) -> None:
    skipped = write_features(Corpus.read(kaldi_corpus), tmp_path / "out", VOXCELEB, stored=True)
    ours = dict(read_matrices(tmp_path / "out" / "feats.scp"))
    kaldi = dict(kaldiio.load_ark(str(KALDI / "feats" / "nnet_input.ark")))
    assert sorted(ours) == sorted(kaldi) and len(kaldi) > 20
    for name, features in kaldi.items():
        np.testing.assert_allclose(ours[name], features, rtol=0, atol=1e-4)
    assert skipped.reasons == {"digital_silence": "no speech found", "ghost": "not in feats.scp"}


def test_one_frame_too_few_is_said(kaldi_corpus: Path, tmp_path: Path) -> None:
    vad = dict(kaldiio.load_ark(str(KALDI / "feats" / "vad.ark")))
    with ArkWriter(kaldi_corpus / "vad") as writer:
        for name, x in vad.items():
            writer.write(name, x[:-1] if name == "flite_slt_1" else x)
    skipped = write_features(Corpus.read(kaldi_corpus), tmp_path / "out", VOXCELEB, stored=True)
    assert skipped.reasons["flite_slt_1"].startswith("expected ")
    assert "(as in vad.scp) of 30, got (" in skipped.reasons["flite_slt_1"]


def test_no_stored_features(tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    with pytest.raises(DataError, match=r"feats\.scp"):
        write_features(Corpus.read(tmp_path), tmp_path / "out", VOXCELEB, stored=True)


def test_frames_of_a_stored_vad(small: Path, tmp_path: Path) -> None:
    corpus = Corpus.read(small)
    rng = np.random.default_rng(0)
    voiced = {}
    with ArkWriter(small / "vad") as writer:
        for utterance in corpus.utterances[:5]:
            n_frames = round(len(corpus.read_wave(utterance)) / 160)
            voiced[utterance.id] = rng.random(n_frames - (utterance.id == "denis-0")) < 0.3
            writer.write(utterance.id, voiced[utterance.id].astype(np.float32))
    skipped = write_features(corpus, tmp_path / "out", VOXCELEB, stored_vad=True)
    assert skipped.reasons["denis-2"] == "not in vad.scp"
    assert skipped.reasons["denis-0"].startswith("expected 5") and "frames in vad.scp as in its" in str(skipped.reasons)
    found = dict(read_matrices(tmp_path / "out" / "feats.scp"))
    assert len(found) == 4
    for name, features in found.items():
        wave = torch.from_numpy(corpus.read_wave(corpus[name]))[None]
        np.testing.assert_array_equal(features, Frontend(VOXCELEB).analyse(wave)[0][0].numpy()[voiced[name]])


@pytest.fixture
def kaldi_corpus(tmp_path: Path) -> Path:
    """A data directory with Kaldi's MFCCs and VAD, and an utterance that has neither."""
    folder = tmp_path / "data"
    folder.mkdir()
    for source, name in (("mfcc_voxceleb", "feats"), ("vad", "vad")):
        with ArkWriter(folder / name) as writer:
            for key, x in kaldiio.load_ark(str(KALDI / "feats" / f"{source}.ark")):
                writer.write(key, x)
    names = [*dict(read_matrices(folder / "feats.scp")), "ghost"]
    (folder / "wav.scp").write_text("".join(f"{name} {name}.wav\n" for name in sorted(names)))
    return folder
