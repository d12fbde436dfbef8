"""What the reference commands do not show: further options, refusals, exit statuses, and runs in a real shell."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pysid.exchange.kaldi_backend import read_matrix, read_plda, write_vector
from pysid.frontend import CmvnConfig, FbankConfig, MfccConfig, VadConfig
from pysid.frontend.cmvn_config import CMVN_OPTIONS
from pysid.frontend.mel import FBANK_OPTIONS, MFCC_OPTIONS
from pysid.frontend.vad_config import VAD_OPTIONS
from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.kaldi import __main__ as entry
from pysid.kaldi.holders import WAVE
from pysid.kaldi.log import Log
from pysid.kaldi.stand_ins import PROGRAMS, install_shims, load_program, main, run_program
from pysid.kaldi.wave import Wave
from pysid.nnet3.file import read_nnet3

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


@pytest.fixture(autouse=True)
def in_golden(monkeypatch):
    monkeypatch.chdir(GOLDEN)


@pytest.fixture
def run(capfd):
    """Runs a program; (status, standard output, standard error)."""

    def run(text, *more):
        name, *words = text.split()
        status = run_program(name, [*words, *more])
        sys.stdout.flush()
        output = capfd.readouterr()
        return status, output.out, output.err

    return run


def vectors(path, values):
    path.write_text("".join(f"{key}  [ {' '.join(map(str, row))} ]\n" for key, row in values.items()))
    return f"ark:{path}"


def waves(path, table):
    path.write_bytes(b"".join(k.encode() + b" " + WAVE.write(w, True, Log("t")) for k, w in table.items()))
    return f"ark:{path}"


TONE = 1000 * np.sin(np.arange(8000) / 5).astype(np.float32)


class TestEveryProgram:
    @pytest.mark.parametrize("name", sorted(PROGRAMS))
    def test_help(self, name, run):
        status, out, err = run(f"{name} --help")
        assert (status, out) == (0, "")
        assert f"Usage: {name}" in err
        assert "--config" in err

    @pytest.mark.parametrize("name", sorted(PROGRAMS))
    def test_wrong_number_of_arguments(self, name, run):
        status, _, err = run(name)
        assert status == 1
        assert err.startswith(f"{name} \n\n")
        assert f"Usage: {name}" in err

    @pytest.mark.parametrize("name", sorted(PROGRAMS))
    def test_unknown_option(self, name, run):
        status, _, err = run(f"{name} --no-such-option=1 a b c d e")
        assert status == 255
        assert f"Usage: {name}" in err
        assert f"ERROR ({name}[5.5]:main():{name}.cc:" in err
        assert err.rstrip().endswith("Invalid option --no-such-option=1")

    @pytest.mark.parametrize("name", sorted(PROGRAMS))
    def test_options_that_are_refused(self, name, run):
        other = {bool: lambda x: str(not x).lower(), str: lambda x: "ark:x"}
        for option in load_program(name).options:
            if not option.supported:
                value = other.get(type(option.default), lambda x: x + 1)(option.default)
                status, _, err = run(f"{name} --{option.name}={value} a b c d e")
                assert status == 255
                assert f"--{option.name} is not supported by pysid" in err

    @pytest.mark.parametrize("name", sorted(PROGRAMS))
    def test_missing_input(self, name, run, tmp_path):
        n = max(n for n in range(6) if n in load_program(name).n_arguments)
        status, out, err = run(f"{name} --print-args=false", *["ark:missing"] * (n - 1), f"ark:{tmp_path}/out")
        assert (status, out) == (255, "")
        assert "ERROR" in err
        assert not (tmp_path / "out").exists()


class TestCopies:
    def test_copy_feats(self, run, tmp_path):
        status, _, err = run(
            f"copy-feats --write-num-frames=ark,t:{tmp_path}/n ark:feats/mfcc_default.ark ark,t:{tmp_path}/a"
        )
        assert status == 0
        assert "Copied 15 feature matrices." in err
        lines = (tmp_path / "n").read_text().splitlines()
        assert lines[0] == "chirp_with_silence 198 "
        text = dict(read_matrices(f"ark:{tmp_path}/a"))
        for key, features in read_matrices("ark:feats/mfcc_default.ark"):
            np.testing.assert_allclose(text[key], features, rtol=1e-6)

    def test_compression_method(self, run, tmp_path):
        for method, token in ((3, b"CM2"), (5, b"CM3")):
            run(f"copy-feats --compress=true --compression-method={method} ark:feats/mfcc_default.ark ark:{tmp_path}/a")
            assert (tmp_path / "a").read_bytes().split(b" ")[1] == b"\0B" + token
        status, _, err = run(f"copy-feats --compress --compression-method=9 ark:feats/vad.ark ark:{tmp_path}/b")
        assert status == 255
        assert "--compression-method must be one of" in err

    def test_single_files(self, run, tmp_path):
        assert run(f"copy-matrix --binary=false backend/transform.mat {tmp_path}/a")[0] == 0
        assert run(f"copy-matrix {tmp_path}/a[2:3,0:4] {tmp_path}/b")[0] == 0
        expected = read_matrix("backend/transform.mat")[2:4, :5]
        np.testing.assert_allclose(read_matrix(tmp_path / "b"), expected, rtol=1e-6)
        status, out, _ = run("copy-vector --binary=false --change-dim=3 backend/mean.vec -")
        assert out == " [ -0.1372277 -1.90283 -0.1344429 ]\n"
        (tmp_path / "i").write_text("[ 1 2 3 ]\n")
        assert run(f"copy-int-vector {tmp_path}/i {tmp_path}/j")[0] == 0
        assert run(f"copy-int-vector --binary=false {tmp_path}/j -")[1] == "[ 1 2 3 ]\n"
        status, _, err = run(f"copy-vector ark:feats/vad.ark {tmp_path}/x")
        assert status == 255
        assert "Cannot mix archives with regular files" in err

    def test_no_entries(self, run, tmp_path):
        (tmp_path / "empty").write_text("")
        for name in ("copy-feats", "copy-vector", "copy-matrix", "copy-int-vector", "wav-copy", "transform-vec"):
            words = ["backend/transform.mat"] if name == "transform-vec" else []
            assert run(name, *words, f"ark:{tmp_path}/empty", f"ark:{tmp_path}/out")[0] == 1
            assert (tmp_path / "out").read_bytes() == b""

    def test_matrix_functions(self, run, tmp_path):
        (tmp_path / "a").write_text("k  [\n  1 2 \n  0 3 ]\n")
        cases = {
            "--apply-log=true": np.log([[1, 2], [1e-20, 3]]),
            "--apply-exp=true --scale=2": np.exp([[2, 4], [0, 6]]),
            "--apply-power=2": [[1, 4], [0, 9]],
            "--apply-softmax-per-row": np.exp([[1, 2], [0, 3]]) / np.exp([[1, 2], [0, 3]]).sum(1, keepdims=True),
        }
        for options, expected in cases.items():
            assert run(f"copy-matrix {options} ark:{tmp_path}/a ark:{tmp_path}/b")[0] == 0
            np.testing.assert_allclose(dict(read_matrices(f"ark:{tmp_path}/b"))["k"], expected, rtol=1e-6)
        assert run(f"copy-matrix --apply-log --apply-exp ark:{tmp_path}/a ark:{tmp_path}/b")[0] == 255

    def test_subsets(self, run, tmp_path):
        def keys(options):
            assert run(f"subset-feats {options} ark:feats/mfcc_default.ark ark:{tmp_path}/a")[0] == 0
            return [key for key, _ in read_matrices(f"ark:{tmp_path}/a")]

        everything = [key for key, _ in read_matrices("ark:feats/mfcc_default.ark")]
        assert keys("--n=3") == everything[:3]
        assert keys("") == everything[:10]
        assert keys("--n=1000") == everything
        (tmp_path / "list").write_text("flite_slt_1\nshort_560 x\n")
        assert keys(f"--include={tmp_path}/list") == ["flite_slt_1", "short_560"]
        assert keys(f"--exclude={tmp_path}/list") == [k for k in everything if k not in ("flite_slt_1", "short_560")]

    def test_sizes(self, run):
        assert run("feat-to-len ark:feats/mfcc_compressed.ark")[1] == "9930\n"
        assert run("feat-to-dim ark:feats/mfcc_compressed.ark -")[1] == "30\n"
        assert run("feat-to-dim ark:feats/nnet_input.ark ark,t:-")[1].splitlines()[0] == "chirp_with_silence 30 "

    def test_select_voiced_frames(self, run, tmp_path):
        (tmp_path / "f").write_text("a  [\n 1\n 2 ]\nb  [\n 1 ]\nc  [\n 1 ]\nd  [\n 1 ]\ne  [ ]\n")
        vad = vectors(tmp_path / "v", {"a": [0, 1], "b": [1, 1], "c": [0], "e": [1]})
        status, _, err = run(f"select-voiced-frames ark:{tmp_path}/f {vad} ark,t:-")
        assert status == 0
        assert "processed 1 utterances, 4 had errors." in err
        for message in ("Mismatch in number", "judged as voiced", "No VAD input found", "Empty feature matrix"):
            assert message in err
        vad = vectors(tmp_path / "v", {"a": [0, 2]})
        assert run(f"select-voiced-frames ark:{tmp_path}/f {vad} ark,t:-")[0] == 255


class TestSums:
    def test_tables(self, run, tmp_path):
        a = vectors(tmp_path / "a", {"x": [1, 2], "y": [3, 4], "z": [5, 6]})
        b = vectors(tmp_path / "b", {"x": [10, 20], "y": [1], "z": [1, 1]})
        status, out, err = run(f"vector-sum {a} {b} ark,t:-")
        assert (status, out) == (0, "x  [ 11 22 ]\ny  [ 3 4 ]\nz  [ 6 7 ]\n")
        assert "Dimension mismatch for utterance y for system 2" in err
        b = vectors(tmp_path / "b", {"x": [10, 20]})
        status, out, err = run(f"vector-sum {a} {b} ark,t:-")
        assert status == 1
        assert "2 total missing vectors" in err

    def test_entries_and_files(self, run, tmp_path):
        a = vectors(tmp_path / "a", {"x": [1, 2], "y": [3, 4], "z": [5]})
        assert run(f"vector-sum --binary=false {a} -")[:2] == (0, " [ 4 6 ]\n")
        write_vector(tmp_path / "1", np.array([1, 2]))
        assert run(f"vector-sum --binary=false {tmp_path}/1 {tmp_path}/1 -")[1] == " [ 2 4 ]\n"
        assert run(f"vector-sum {tmp_path}/1 {a} {tmp_path}/out")[0] == 255

    def test_matrices(self, run, tmp_path):
        (tmp_path / "a").write_text("k  [\n  1 2 ]\n")
        table = f"ark:{tmp_path}/a"
        assert run(f"matrix-sum --scale1=2 --scale2=-1 {table} {table} {table} ark,t:-")[1] == "k  [\n  2 4 ]\n"
        assert run(f"matrix-sum --average=true {table} {table} ark,t:-")[1] == "k  [\n  1 2 ]\n"
        assert run(f"matrix-sum --scale1=2 {table} {tmp_path}/x")[0] == 255
        for name, text in (("1", " [\n 1 2 ]\n"), ("2", " [\n 1\n 3 ]\n")):
            (tmp_path / name).write_text(text)
        out = run(f"matrix-sum --binary=false --average=true {tmp_path}/1 {tmp_path}/2 -")[1]
        assert out == " [\n  1 1 \n  1.5 0 ]\n"


class TestWaves:
    def test_segments(self, run, tmp_path):
        table = waves(tmp_path / "w", {"r": Wave(16000, TONE[None]), "s": Wave(16000, np.stack([TONE, -TONE]))})
        segments = {
            "r-1 r 0.1 0.3": 3200,
            "r-2 r 0.2 -1": 4800,
            "r-3 r 0.3 0.9": 3200,
            "r-4 r 0.3 1.0": "End sample too far",
            "r-5 r 0.3 0.35": "too short",
            "r-6 r 0.6 0.8": "Start sample out of range",
            "r-7 x 0.1 0.3": "Could not find recording",
            "r-8 r 0.3 0.1": "empty or invalid segment",
            "r-9 r 0.3": "Invalid line",
            "r-10 r a 0.3": "bad start",
            "r-11 r 0.1 b": "bad end",
            "r-12 r 0.1 inf": "bad end",
            "r-13 r nan 0.3": "bad start",
            "s-1 s 0.1 0.3 1": 3200,
            "s-2 s 0.1 0.3 2": "Invalid channel",
            "s-3 s 0.1 0.3 x": "bad channel",
        }
        (tmp_path / "segments").write_text("".join(f"{line}\n" for line in segments))
        status, _, err = run(f"extract-segments {table} {tmp_path}/segments ark:{tmp_path}/out")
        assert status == 0
        assert "Successfully processed 4 lines out of 16 in the segments file." in err
        for expected in segments.values():
            assert isinstance(expected, int) or expected in err
        found = run(f"wav-to-duration ark:{tmp_path}/out ark,t:-")[1]
        assert found == "r-1 0.2 \nr-2 0.3 \nr-3 0.2 \ns-1 0.2 \n"
        (tmp_path / "segments").write_text("s-1 s 0.1 0.3\n")
        status, _, err = run(f"extract-segments {table} {tmp_path}/segments ark:{tmp_path}/out")
        assert status == 255
        assert "2 channels" in err

    def test_durations_and_copies(self, run, tmp_path):
        table = waves(tmp_path / "w", {"r": Wave(8000, TONE[None])})
        assert run(f"wav-to-duration --read-entire-file=true {table} ark,t:-")[1] == "r 1 \n"
        assert run(f"wav-copy {table} ark:{tmp_path}/c")[0] == 0
        assert (tmp_path / "c").read_bytes() == (tmp_path / "w").read_bytes()
        assert run(f"wav-copy audio/flite_slt_1.wav {tmp_path}/one.wav")[0] == 0
        assert (tmp_path / "one.wav").read_bytes() == Path("audio/flite_slt_1.wav").read_bytes()
        assert run(f"wav-copy audio/flite_slt_1.wav ark:{tmp_path}/x")[0] == 255


class TestFeatures:
    @pytest.fixture
    def table(self, tmp_path):
        stereo = Wave(16000, np.stack([TONE, np.zeros_like(TONE)]))
        return waves(tmp_path / "w", {"m": Wave(16000, TONE[None]), "s": stereo, "e": Wave(8000, TONE[None])})

    def features(self, path):
        return dict(read_matrices(f"ark:{path}"))

    def test_channels_and_rates(self, table, run, tmp_path):
        status, _, err = run(f"compute-mfcc-feats --dither=0 {table} ark:{tmp_path}/a")
        assert status == 0
        assert "you have data with 2 channels; defaulting to zero" in err
        assert "mismatch: 8000 .vs 16000" in err
        assert "Done 2 out of 3 utterances." in err
        found = self.features(tmp_path / "a")
        np.testing.assert_array_equal(found["m"], found["s"])
        _, _, err = run(f"compute-mfcc-feats --dither=0 --channel=1 {table} ark:{tmp_path}/a")
        assert "File with id m has 1 channels but you specified channel 1" in err
        assert list(self.features(tmp_path / "a")) == ["s"]
        run(f"compute-mfcc-feats --dither=0 --allow-upsample=true {table} ark:{tmp_path}/a")
        assert self.features(tmp_path / "a")["e"].shape == (98, 13)
        assert run(f"compute-mfcc-feats --sample-frequency=44100 {table} ark:{tmp_path}/a")[0] == 1

    def test_other_options(self, table, run, tmp_path):
        status, _, err = run(
            f"compute-fbank-feats --dither=0 --subtract-mean=true --min-duration=0.9 --allow-upsample "
            f"--write-utt2dur=ark,t:{tmp_path}/d {table} ark:{tmp_path}/a"
        )
        assert status == 0
        assert "m is too short (0.5 sec)" in err
        assert (tmp_path / "d").read_text() == "e 1 \n"
        found = self.features(tmp_path / "a")["e"]
        assert found.shape == (98, 23)
        np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)

    def test_dither_is_on_by_default(self, table, run, tmp_path):
        results = []
        for _ in range(2):
            run(f"compute-mfcc-feats {table} ark:{tmp_path}/a")
            results.append(self.features(tmp_path / "a")["m"])
        assert (results[0] != results[1]).any()
        np.testing.assert_allclose(results[0][:, 0], results[1][:, 0], atol=0.1)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ("--output-format=htk", "--output-format=htk"),
            ("--num-ceps=40", "n_ceps"),
            ("--window-type=x", "window_type"),
        ],
    )
    def test_refused(self, options, message, table, run, tmp_path):
        status, _, err = run(f"compute-mfcc-feats {options} {table} ark:{tmp_path}/a")
        assert status == 255
        assert message in err

    def test_vad(self, run, tmp_path):
        run(f"compute-vad --omit-unvoiced-utts=true ark:feats/mfcc_voxceleb.ark ark:{tmp_path}/a")
        found = dict(read_vectors(f"ark:{tmp_path}/a"))
        assert "digital_silence" not in found
        assert len(found) == 28
        status, _, err = run(f"compute-vad --vad-energy-threshold=100 ark:feats/mfcc_voxceleb.ark ark:{tmp_path}/a")
        assert status == 1
        assert "Proportion of voiced frames was 0 over 9930 frames." in err

    def test_deltas(self, run, tmp_path):
        run(f"add-deltas --delta-order=1 --truncate=5 ark:feats/mfcc_default.ark ark:{tmp_path}/a")
        assert {x.shape[1] for x in self.features(tmp_path / "a").values()} == {10}
        status, _, err = run(f"add-deltas --truncate=50 ark:feats/mfcc_default.ark ark:{tmp_path}/a")
        assert status == 255
        assert "Cannot truncate" in err


DEFAULTS = {
    "compute-mfcc-feats": (MfccConfig, MFCC_OPTIONS),
    "compute-fbank-feats": (FbankConfig, FBANK_OPTIONS),
    "compute-vad": (VadConfig, VAD_OPTIONS),
    "apply-cmvn-sliding": (CmvnConfig, CMVN_OPTIONS),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_front_end_has_the_programs_defaults(name):
    config, table = DEFAULTS[name]
    options = {option.name: option.default for option in load_program(name).options}
    for option, known in table.items():
        if known.field and option not in ("dither", "htk-mode"):
            assert getattr(config(), known.field) == options[option], option
    assert set(table) - {"htk-mode"} <= set(options)


class TestVectors:
    def test_speaker_means(self, run, tmp_path):
        table = vectors(tmp_path / "v", {"a": [1, 2], "b": [3, 4]})
        (tmp_path / "spk2utt").write_text("s a b x\nt y\n")
        status, out, err = run(f"ivector-mean ark:{tmp_path}/spk2utt {table} ark,t:- ark,t:{tmp_path}/n")
        assert (status, out) == (0, "s  [ 2 3 ]\n")
        assert (tmp_path / "n").read_text() == "s 2 \n"
        assert "Computed mean of 1 speakers (1 with no utterances), consisting of 2 utterances (2 absent" in err
        (tmp_path / "spk2utt").write_text("s\n")
        assert run(f"ivector-mean ark:{tmp_path}/spk2utt {table} ark,t:-")[0] == 255

    def test_subtract_and_normalize(self, run, tmp_path):
        table = vectors(tmp_path / "v", {"a": [3, 4], "b": [0, 0]})
        unchanged = "a  [ 3 4 ]\nb  [ 0 0 ]\n"
        assert run(f"ivector-subtract-global-mean {table} ark,t:-")[1] == "a  [ 1.5 2 ]\nb  [ -1.5 -2 ]\n"
        assert run(f"ivector-subtract-global-mean --subtract-mean=false {table} ark,t:-")[1] == unchanged
        status, out, err = run(f"ivector-normalize-length --scaleup=false {table} ark,t:-")
        assert out == "a  [ 0.6 0.8 ]\nb  [ 0 0 ]\n"
        assert "Zero iVector" in err
        assert run(f"ivector-normalize-length --normalize=false {table} ark,t:-")[1] == unchanged
        write_vector(tmp_path / "mean", np.ones(3))
        status, _, err = run(f"ivector-subtract-global-mean {tmp_path}/mean {table} ark,t:-")
        assert status == 255
        assert "a: expected a vector of dimension 3, got 2" in err

    def test_transforms(self, run, tmp_path):
        table = vectors(tmp_path / "v", {"a": [3, 4]})
        (tmp_path / "m").write_text(" [\n 1 0 10\n 0 2 20 ]\n")
        for name in ("transform-vec", "ivector-transform"):
            assert run(f"{name} {tmp_path}/m {table} ark,t:-")[:2] == (0, "a  [ 13 28 ]\n")
        (tmp_path / "m").write_text(" [\n 1 0 0 0 ]\n")
        status, _, err = run(f"transform-vec {tmp_path}/m {table} ark,t:-")
        assert status == 255
        assert "the transform has 4 columns" in err

    def test_pca(self, run, tmp_path):
        options = "--read-vectors=true --normalize-mean=true --normalize-variance=true --dim=4"
        status, _, err = run(
            f"est-pca {options} --write-full-matrix={tmp_path}/full ark:backend/train.ark {tmp_path}/pca.mat"
        )
        assert status == 0
        assert "Accumulated stats from 443 vectors, 0 with errors." in err
        X = np.stack([x for _, x in read_vectors("ark:backend/train.ark")])
        transform = read_matrix(tmp_path / "pca.mat")
        y = X @ transform[:, :-1].T + transform[:, -1]
        np.testing.assert_allclose(y.mean(0), 0, atol=1e-4)
        np.testing.assert_allclose(y.T @ y / len(y), np.eye(4), atol=1e-3)
        np.testing.assert_array_equal(read_matrix(tmp_path / "full")[:4], transform)
        status, _, err = run(f"est-pca --dim=99 --read-vectors ark:backend/train.ark {tmp_path}/x")
        assert status == 255
        assert "Final dimension 99 is greater than feature dimension 24" in err
        assert "9930 frames" in run(f"est-pca ark:feats/mfcc_voxceleb.ark {tmp_path}/x")[2]

    def test_lda_warns_of_too_few_speakers(self, run, tmp_path):
        table = vectors(tmp_path / "v", {f"u{i}": np.random.default_rng(i).normal(size=3).round(3) for i in range(9)})
        (tmp_path / "u").write_text("".join(f"u{i} {'st'[i % 2]}\n" for i in range(8)))
        status, _, err = run(f"ivector-compute-lda --dim=2 {table} ark:{tmp_path}/u {tmp_path}/out")
        assert status == 0
        assert "utt2spk has no entry for utterance u8" in err
        assert "WARNING" in err
        assert "keeps arbitrary ones" in err
        assert run(f"ivector-compute-lda {table} ark:{tmp_path}/u {tmp_path}/out")[0] == 255


class TestPlda:
    def test_too_little_data(self, run, tmp_path):
        table = vectors(tmp_path / "v", {"a": [1, 2], "b": [3, 4]})
        (tmp_path / "spk2utt").write_text("s a\nt b\n")
        status, _, err = run(f"ivector-compute-plda ark:{tmp_path}/spk2utt {table} {tmp_path}/plda")
        assert status == 255
        assert "PLDA needs" in err
        assert not (tmp_path / "plda").exists()
        assert run(f"ivector-compute-plda ark:backend/eval_spk2utt {table} {tmp_path}/plda")[0] == 255

    def test_copies_text_and_binary(self, run, tmp_path):
        assert run(f"ivector-copy-plda --binary=false backend/plda {tmp_path}/t")[0] == 0
        assert run(f"ivector-copy-plda {tmp_path}/t {tmp_path}/b")[0] == 0
        np.testing.assert_allclose(
            read_plda(tmp_path / "b").transform_, read_plda("backend/plda").transform_, rtol=1e-6
        )
        assert run(f"ivector-copy-plda backend/mean.vec {tmp_path}/x")[0] == 255

    def test_scores_of_unknown_keys(self, run, tmp_path):
        (tmp_path / "trials").write_text("evl000-00 evl000-01\nx evl000-01\nevl000-00 y\n")
        command = "ivector-plda-scoring backend/plda ark:backend/eval_projected.ark ark:backend/eval_projected.ark"
        status, out, err = run(f"{command} {tmp_path}/trials -")
        assert status == 0
        assert out.startswith("evl000-00 evl000-01 ")
        assert len(out.splitlines()) == 1
        assert "Key x not present in training iVectors." in err
        assert "Key y not present in test iVectors." in err
        assert "Processed 1 trials, 2 had errors." in err
        (tmp_path / "trials").write_text("evl000-00\n")
        status, _, err = run(f"{command} {tmp_path}/trials -")
        assert status == 255
        assert "Bad line 1 in input" in err

    def test_speakers_without_a_count_are_left_out(self, run, tmp_path):
        (tmp_path / "n").write_text("evl000-00 3\n")
        (tmp_path / "trials").write_text("evl000-00 evl000-01\nevl000-01 evl000-00\n")
        status, out, err = run(
            f"ivector-plda-scoring --num-utts=ark:{tmp_path}/n backend/plda ark:backend/eval_projected.ark "
            f"ark:backend/eval_projected.ark {tmp_path}/trials -"
        )
        assert status == 0
        assert [line.split()[0] for line in out.splitlines()] == ["evl000-00"]
        assert "Number of utterances not given for speaker evl000-01" in err

    def test_dot_products(self, run, tmp_path):
        table = vectors(tmp_path / "v", {"a": [1, 2], "b": [3, 4]})
        (tmp_path / "trials").write_text("a b\na c\n")
        status, out, err = run(f"ivector-compute-dot-products {tmp_path}/trials {table} {table} -")
        assert (status, out) == (0, "a b 11\n")
        assert "Key c not present in 2nd table" in err

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "Empty input"),
            ("1 target\n", "No non-target scores"),
            ("1 nontarget\n", "No target scores"),
            ("1\n", "must have two fields"),
            ("x target\n", "first field must be float"),
            ("1 other\n", "second field must be"),
        ],
    )
    def test_bad_scores(self, text, message, run, tmp_path):
        (tmp_path / "s").write_text(text)
        status, out, err = run(f"compute-eer {tmp_path}/s")
        assert (status, out) == (255, "")
        assert message in err


class TestClustering:
    def test_costs_are_negated_scores(self, run, tmp_path):
        run(f"matrix-sum --scale1=-1 ark:clustering/scores_te1.ark ark:{tmp_path}/costs")
        status, out, _ = run(
            f"agglomerative-cluster --read-costs=true --threshold=30 ark:{tmp_path}/costs",
            "ark:clustering/spk2utt",
            "ark,t:-",
        )
        assert status == 0
        assert out == Path("clustering/labels_threshold_-30").read_text()

    def test_lists_that_do_not_fit(self, run, tmp_path):
        (tmp_path / "spk2utt").write_text("recA a b\n")
        status, _, err = run(f"agglomerative-cluster ark:clustering/scores_te1.ark ark:{tmp_path}/spk2utt ark,t:-")
        assert status == 255
        assert "recA: expected 2 x 2 scores" in err


class TestNetworks:
    def test_copy(self, run, tmp_path):
        assert run(f"nnet3-copy --binary=false nnet3/small.raw {tmp_path}/t")[0] == 0
        assert run(f"nnet3-copy --nnet-config=nnet3/extract.config {tmp_path}/t {tmp_path}/b")[0] == 0
        lines = [line.text for line in read_nnet3(tmp_path / "b").lines]
        assert lines[-1] == "output-node name=output input=tdnn6.affine objective=linear"
        assert len(lines) == len(read_nnet3("nnet3/small.raw").lines)
        model = read_nnet3(tmp_path / "b")
        assert model.components["tdnn1.batchnorm"]["StatsMean"].shape == (24,)

    @pytest.mark.parametrize("name", ["small", "etdnn", "tdnnf"])
    def test_copies_lose_the_digits_that_kaldis_lose(self, name, run, tmp_path):
        assert run(f"nnet3-copy --binary=false nnet3/{name}.raw {tmp_path}/t")[0] == 0
        assert (tmp_path / "t").read_bytes() == Path(f"nnet3/{name}.txt").read_bytes()

    def test_utterances_without_an_xvector(self, run, tmp_path):
        run(f"nnet3-copy --nnet-config=nnet3/extract.config nnet3/small.raw {tmp_path}/net")
        status, _, err = run(
            f"nnet3-xvector-compute --pad-input=false --min-chunk-size=300 {tmp_path}/net ark:feats/nnet_input.ark "
            f"ark:{tmp_path}/x"
        )
        assert status == 0
        n_done = len(list(read_vectors(f"ark:{tmp_path}/x")))
        assert f"Done {n_done} utterances, failed for {28 - n_done}" in err
        assert 0 < n_done < 28
        status, _, err = run(f"nnet3-xvector-compute {tmp_path}/net ark:feats/mfcc_default.ark ark:{tmp_path}/x")
        assert status == 255
        assert "expected features of 30 columns, got 13" in err
        assert run(f"nnet3-xvector-compute --use-gpu=maybe {tmp_path}/net ark:a ark:b")[0] == 255

    def test_no_gpu(self, run, tmp_path, monkeypatch):
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        words = ["nnet3/small.raw", "ark:feats/nnet_input.ark", f"ark:{tmp_path}/x"]
        status, _, err = run("nnet3-xvector-compute --use-gpu=yes", *words)
        assert status == 255
        assert "there is no GPU" in err
        assert run("nnet3-xvector-compute --use-gpu=optional --chunk-size=100", *words)[0] == 0


class TestMain:
    def test_list(self, capsys):
        assert main(["--list"]) == 0
        assert capsys.readouterr().out.split() == sorted(PROGRAMS)

    def test_usage(self, capsys):
        assert main([]) == 2
        assert main(["--help"]) == 0
        assert main(["no-such-program"]) == 2
        assert "no program 'no-such-program'" in capsys.readouterr().err

    def test_pipes_in_lists(self, tmp_path, monkeypatch, capfd):
        monkeypatch.setenv("PYSID_ALLOW_PIPES", "")
        (tmp_path / "wav.scp").write_text("a cat audio/flite_slt_1.wav |\n")
        words = ["wav-to-duration", f"scp:{tmp_path}/wav.scp", "ark,t:-"]
        assert main(words) == 255
        assert "--allow-pipes" in capfd.readouterr().err
        assert main(["--allow-pipes", *words]) == 0
        assert os.environ["PYSID_ALLOW_PIPES"] == "1"
        assert main(words) == 0
        assert capfd.readouterr().out == "a 5.25 \n" * 2

    def test_programs_in_pipes_need_no_shims(self, tmp_path, monkeypatch, capfd):
        monkeypatch.setenv("PATH", os.defpath)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "numpy.py").write_text("raise SystemExit('a file of the user')")
        table = vectors(tmp_path / "v", {"a": [3, 4]})
        assert main(["copy-vector", f"ark:ivector-normalize-length --scaleup=false {table} ark:- |", "ark,t:-"]) == 0
        assert capfd.readouterr().out == "a  [ 0.6 0.8 ]\n"
        assert os.environ["PATH"] == os.defpath

    def test_one_thread(self, monkeypatch):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        assert entry.main(["--list"]) == 0
        assert os.environ["OMP_NUM_THREADS"] == "1"


SCRIPT = """
set -euo pipefail
compute-mfcc-feats --verbose=2 --config=feats/mfcc_voxceleb.conf --dither=0 scp,p:$dir/wav.scp ark:- 2>$dir/mfcc.log |
  copy-feats --write-num-frames=ark,t:$dir/utt2num_frames --compress=true ark:- ark,scp:$dir/feats.ark,$dir/feats.scp
compute-vad --config=feats/vad.conf scp:$dir/feats.scp ark,scp:$dir/vad.ark,$dir/vad.scp
nnet3-xvector-compute --use-gpu=no --min-chunk-size=25 --chunk-size=10000 --cache-capacity=64 \
  "nnet3-copy --nnet-config=nnet3/extract.config nnet3/small.raw - |" \
  "ark:apply-cmvn-sliding --norm-vars=false --center=true --cmn-window=300 scp:$dir/feats.scp ark:- | \
   select-voiced-frames ark:- scp,s,cs:$dir/vad.scp ark:- |" \
  ark,scp:$dir/xvector.ark,$dir/xvector.scp
compute-eer <(head -100 metrics/scores.eer_input) > $dir/eer
"""


@pytest.mark.slow
def test_the_stages_of_kaldis_scripts_in_a_shell(tmp_path):
    shims = install_shims(tmp_path / "bin")
    assert sorted(path.name for path in shims) == sorted(PROGRAMS)
    names = ["flite_awb_1", "flite_slt_1"]
    lines = [f"{name} {GOLDEN}/audio/{name}.wav\n" for name in names]
    (tmp_path / "wav.scp").write_text("".join([lines[0], "missing nowhere.wav\n", lines[1]]))
    environment = os.environ | {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "dir": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(["bash", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 <= float((tmp_path / "eer").read_text()) < 100
    log = (tmp_path / "mfcc.log").read_text()
    assert "WARNING" in log
    assert "VLOG[2]" in log
    assert "LOG (nnet3-xvector-compute[5.5]:main():nnet3-xvector-compute.cc:" in done.stderr
    found, expected = dict(read_vectors(f"scp:{tmp_path}/xvector.scp")), dict(read_vectors("ark:nnet3/xvectors.ark"))
    assert list(found) == names
    for name in names:
        # The features are rounded to a byte here, but for Kaldi's reference they were not.
        similarity = found[name] @ expected[name] / np.linalg.norm(found[name]) / np.linalg.norm(expected[name])
        assert similarity > 0.999


@pytest.mark.slow
def test_programs_without_networks_do_not_wait_for_torch():
    code = "import sys; from pysid.kaldi.stand_ins import run_program; run_program(sys.argv[1], sys.argv[2:])"
    light = {
        "copy-feats": ["ark:feats/vad.ark", "ark:-"],
        "ivector-normalize-length": ["ark:backend/eval.ark", "ark:-"],
        "ivector-plda-scoring": [
            "backend/plda",
            "ark:backend/eval_projected.ark",
            "ark:backend/eval.ark",
            "/dev/null",
            "-",
        ],
        "select-voiced-frames": ["ark:feats/nnet_input.ark", "ark:feats/vad.ark", "ark:-"],
    }
    for name, words in light.items():
        check = f"{code}; assert not {{'torch', 'typer', 'rich', 'soundfile'}} & set(sys.modules), sys.modules.keys()"
        subprocess.run([sys.executable, "-c", check, name, *words], capture_output=True, check=True)
