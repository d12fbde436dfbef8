"""Features of a corpus: the same whatever the number of processes, resumable, never mixed with others."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from pysid.config import to_plain
from pysid.data.corpus import Corpus
from pysid.data.features import compute_features, read_frontend, read_wave_features, write_features
from pysid.errors import DataError
from pysid.frontend import VOXCELEB, CmvnConfig, Frontend, long_recording
from pysid.io.ark.archive import read_matrices
from pysid.io.tables import read_num_frames, read_table
from pysid.parallel.workers import Workers

OTHER = dataclasses.replace(VOXCELEB, cmvn=CmvnConfig(window=200, center=True))


def test_they_are_what_the_frontend_gives(small, tmp_path):
    corpus = Corpus.read(small)
    assert len(write_features(corpus, tmp_path / "f", VOXCELEB)) == 0
    found = dict(read_matrices(tmp_path / "f" / "feats.scp"))
    assert list(found) == [utterance.id for utterance in corpus]
    for utterance in corpus:
        expected, _ = Frontend(VOXCELEB)(torch.from_numpy(corpus.read_wave(utterance))[None])
        np.testing.assert_array_equal(found[utterance.id], expected[0])
    assert read_num_frames(tmp_path / "f" / "utt2num_frames") == {key: len(x) for key, x in found.items()}
    assert read_frontend(tmp_path / "f") == VOXCELEB
    assert Corpus.read(tmp_path / "f").utt2spk == corpus.utt2spk


def test_two_processes_give_what_one_gives(with_broken, tmp_path):
    corpus = Corpus.read(with_broken)
    reasons = [write_features(corpus, tmp_path / f"{n}", VOXCELEB, workers=Workers(n)).reasons for n in (1, 2)]
    assert reasons[0] == reasons[1]
    for name in ("feats.ark", "utt2num_frames", "wav.scp", "utt2spk", "spk2utt", "frontend.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_bad_utterances_have_a_reason_and_no_place_in_the_tables(with_broken, broken, tmp_path):
    skipped = write_features(Corpus.read(with_broken), tmp_path / "f", VOXCELEB)
    assert set(skipped.reasons) == {f"alicia-{name}" for name in broken}
    for name, (_, message) in broken.items():
        assert message in skipped.reasons[f"alicia-{name}"]
    for name in ("feats.scp", "utt2num_frames", "utt2spk", "wav.scp"):
        table = read_table(tmp_path / "f" / name)
        assert list(table) == [f"{s}-{i}" for s in ("alicia", "denis") for i in range(3)], name


def test_a_stopped_run_goes_on(small, tmp_path):
    corpus = Corpus.read(small)
    write_features(corpus, tmp_path / "whole", VOXCELEB)
    write_features(corpus, tmp_path / "f", VOXCELEB)
    whole = (tmp_path / "whole" / "feats.ark").read_bytes()
    for name in ("feats.ark", "feats.scp", "utt2num_frames", "utt2spk", "wav.scp"):
        (tmp_path / "f" / name).unlink()
    (tmp_path / "f" / "feats.ark.partial").write_bytes(whole[: len(whole) // 2])
    write_features(corpus, tmp_path / "f", VOXCELEB)
    assert (tmp_path / "f" / "feats.ark").read_bytes() == whole
    for name in ("utt2num_frames", "utt2spk", "wav.scp"):
        assert (tmp_path / "f" / name).read_text() == (tmp_path / "whole" / name).read_text()


@pytest.mark.slow
def test_a_run_that_is_stopped_between_shards_goes_on(dev, tmp_path, monkeypatch):
    """And computes nothing again."""
    corpus = Corpus.read(dev)  # 36 utterances, 3 shards
    write_features(corpus, tmp_path / "whole", VOXCELEB, compress=True)
    computed = []
    original = Frontend.forward

    def forward(self, *arguments, **options):
        computed.append(1)
        if len(computed) == 20:
            raise KeyboardInterrupt
        return original(self, *arguments, **options)

    monkeypatch.setattr(Frontend, "forward", forward)
    with pytest.raises(KeyboardInterrupt):
        write_features(corpus, tmp_path / "f", VOXCELEB, compress=True)
    assert not (tmp_path / "f" / "feats.ark").exists()
    write_features(corpus, tmp_path / "f", VOXCELEB, compress=True)
    assert len(computed) == 20 + 20
    for name in ("feats.ark", "utt2num_frames", "wav.scp"):
        assert (tmp_path / "f" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not list((tmp_path / "f").glob("*.shards"))


def test_a_second_run_adds_what_could_not_be_read_before(small, tmp_path):
    lines = (small / "wav.scp").read_text()
    (small / "wav.scp").write_text(lines.replace("alicia-1.ogg", "alicia-9.ogg"))
    assert list(write_features(Corpus.read(small), tmp_path / "f", VOXCELEB).reasons) == ["alicia-1"]
    (small / "wav.scp").write_text(lines)
    assert len(write_features(Corpus.read(small), tmp_path / "f", VOXCELEB)) == 0
    assert list(read_table(tmp_path / "f" / "feats.scp")) == list(read_table(small / "wav.scp")), "in their order"
    counts = {key: len(x) for key, x in read_matrices(tmp_path / "f" / "feats.scp")}
    assert read_num_frames(tmp_path / "f" / "utt2num_frames") == counts


def test_a_feats_scp_of_the_corpus_does_not_replace_ours(small, tmp_path):
    """Kaldi's data directories have one, of features that are neither normalised nor cut."""
    (small / "feats.scp").write_text("".join(f"{key} raw.ark:0\n" for key in read_table(small / "wav.scp")))
    (small / "utt2num_frames").write_text("".join(f"{key} 7\n" for key in read_table(small / "wav.scp")))
    write_features(Corpus.read(small), tmp_path / "f", VOXCELEB)
    assert all("feats.ark:" in entry for entry in read_table(tmp_path / "f" / "feats.scp").values())
    assert 7 not in read_num_frames(tmp_path / "f" / "utt2num_frames").values()


def test_other_features_are_not_mixed_in(small, tmp_path):
    corpus = Corpus.read(small)
    write_features(corpus, tmp_path / "f", VOXCELEB)
    before = (tmp_path / "f" / "feats.ark").read_bytes()
    with pytest.raises(DataError, match="f holds features of another front-end"):
        write_features(corpus, tmp_path / "f", OTHER)
    with pytest.raises(DataError, match=r"f holds features of 1 utterances that are not in .*small, such as 'denis-2'"):
        rest = corpus.subset([utterance.id for utterance in corpus if utterance.id != "denis-2"])
        write_features(rest, tmp_path / "f", VOXCELEB)
    with pytest.raises(DataError, match="small is the corpus itself"):
        write_features(corpus, small, VOXCELEB)
    assert (tmp_path / "f" / "feats.ark").read_bytes() == before
    assert not (small / "feats.ark").exists()


def test_a_run_without_result_can_be_repeated_with_another_front_end(small, tmp_path):
    (small / "wav.scp").write_text("a nowhere.wav\n")
    (small / "utt2spk").write_text("a a\n")
    message = "no utterance of .*small gave features: 1 skipped, the first is a: nowhere.wav: cannot read the file"
    with pytest.raises(DataError, match=message):
        write_features(Corpus.read(small), tmp_path / "f", VOXCELEB)
    assert not (tmp_path / "f" / "feats.ark").exists()
    with pytest.raises(DataError, match="no utterance"):
        write_features(Corpus.read(small), tmp_path / "f", OTHER)


def test_compressed_features_are_close(small, tmp_path):
    for compress in (False, True):
        write_features(Corpus.read(small), tmp_path / str(compress), VOXCELEB, compress=compress)
    exact, rounded = (dict(read_matrices(tmp_path / str(x) / "feats.scp")) for x in (False, True))
    assert (tmp_path / "True" / "feats.ark").stat().st_size < (tmp_path / "False" / "feats.ark").stat().st_size / 3
    for key, matrix in exact.items():
        assert 0 < np.abs(matrix - rounded[key]).max() < 1, key


def test_a_frontend_file_that_is_none(tmp_path):
    path = tmp_path / "frontend.json"
    with pytest.raises(DataError, match=r"frontend.json: no such file; .*pysid features"):
        read_frontend(tmp_path)
    path.write_text("{")
    with pytest.raises(DataError, match=r"frontend.json: expected JSON, got"):
        read_frontend(tmp_path)
    path.write_text(json.dumps({**to_plain(VOXCELEB), "dithering": 1}))
    with pytest.raises(DataError, match=r"frontend.json: unknown key 'dithering'"):
        read_frontend(tmp_path)


def test_in_memory(small, with_broken):
    corpus = Corpus.read(with_broken)
    names = ["denis-1", "alicia-0"]
    found = read_wave_features(corpus, names, VOXCELEB)
    assert list(found) == names
    for name, expected in compute_features(corpus, names, VOXCELEB):
        np.testing.assert_array_equal(found[name], expected)
    with pytest.raises(DataError, match=r"alicia-silent: no speech found"):
        read_wave_features(corpus, [*names, "alicia-silent"], VOXCELEB)


@pytest.mark.parametrize("compress", [False, True])
def test_long_recordings_are_not_held_and_give_the_same(with_broken, tmp_path, monkeypatch, compress):
    corpus = Corpus.read(with_broken)
    skipped = write_features(corpus, tmp_path / "whole", VOXCELEB, compress=compress)
    monkeypatch.setattr(long_recording, "LONG_S", 1.0)
    assert write_features(corpus, tmp_path / "blocks", VOXCELEB, compress=compress).reasons == skipped.reasons
    whole, blocks = (dict(read_matrices(tmp_path / name / "feats.scp")) for name in ("whole", "blocks"))
    assert list(whole) == list(blocks)
    for name, expected in whole.items():
        np.testing.assert_allclose(blocks[name], expected, rtol=0, atol=0.3 if compress else 1e-5)  # a step of 8 bits
    tables = [(tmp_path / name / "utt2num_frames").read_text() for name in ("whole", "blocks")]
    assert tables[0] == tables[1]
