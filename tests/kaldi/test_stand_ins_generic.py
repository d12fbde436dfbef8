"""Programs that generic scripts use: CMVN, frames moved and put together, decisions merged, PLP, silence."""

from pathlib import Path

import numpy as np
import pytest

from pysid.frontend.mel import PlpConfig
from pysid.io.ark.record import read_array, read_key
from pysid.kaldi.stand_ins import run_program
from pysid.kaldi.wave import Wave, read_wave, wave_bytes

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"
LINES = [line.split("\t") for line in (GOLDEN / "ivector" / "commands.tsv").read_text().splitlines()]
COMMANDS = [line for line in LINES if line[0].startswith("generic/") and (GOLDEN / line[0]).exists()]
assert len(COMMANDS) > 6, "the reference commands are missing"

IDENTICAL = ("cmvn_stats", "cmvn_applied", "merged_vad", "subsampled")


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_gives_kaldis_file(path, command, in_golden, run_command, tmp_path):
    out = tmp_path / "out"
    status, _ = run_command(command.replace(f"ark:{path}", f"ark:{out}"))
    assert status == 0
    if Path(path).stem in IDENTICAL:
        assert out.read_bytes() == (GOLDEN / path).read_bytes()
        return
    ours, reference = doubles(out), doubles(GOLDEN / path)
    assert list(ours) == list(reference)
    for key, values in reference.items():
        bound = 1e-3 if "plp" in path else 2e-7 * np.abs(values).max()
        np.testing.assert_allclose(ours[key], values, rtol=0, atol=bound, err_msg=key)  # NaN of digital silence, too


def doubles(path):
    values = {}
    with open(path, "rb") as file:
        while (key := read_key(file))[0] is not None:
            values[key[0]] = read_array(file, key[1], np.float64)
    return values


def run(tmp_path, program, *words):
    """Runs a program whose last argument is a table to write; what it wrote."""
    status = run_program(program, [*words, f"ark:{tmp_path}/out"])
    return status, doubles(tmp_path / "out") if status == 0 else None


@pytest.fixture
def feats(tmp_path):
    """Two tables of small matrices."""
    (tmp_path / "a").write_text("one [\n 1 2\n 3 4\n 5 6 ]\ntwo [\n 7 8 ]\n")
    (tmp_path / "b").write_text("one [\n 10\n 20 ]\ntwo [\n 30 ]\n")
    return f"ark:{tmp_path}/a", f"ark:{tmp_path}/b"


class TestFrames:
    def test_shifted_frames_are_held_at_the_ends(self, feats, tmp_path):
        _, later = run(tmp_path, "shift-feats", "--shift=1", feats[0])
        assert later["one"].tolist() == [[1, 2], [1, 2], [3, 4]]
        _, earlier = run(tmp_path, "shift-feats", "--shift=-2", feats[0])
        assert earlier["one"].tolist() == [[5, 6]] * 3 and earlier["two"].tolist() == [[7, 8]]

    def test_one_file(self, tmp_path):
        (tmp_path / "x").write_text("[ 1 2\n 3 4 ]\n")
        arguments = ["--binary=false", f"{tmp_path}/x", f"{tmp_path}/y"]
        assert run_program("shift-feats", ["--shift=1", *arguments]) == 0
        assert (tmp_path / "y").read_text() == " [\n  1 2 \n  1 2 ]\n"
        assert run_program("paste-feats", [*arguments[:2], f"{tmp_path}/x", f"{tmp_path}/z"]) == 0
        assert (tmp_path / "z").read_text() == " [\n  1 2 1 2 \n  3 4 3 4 ]\n"
        assert run_program("concat-feats", [*arguments[:2], f"{tmp_path}/x", f"{tmp_path}/z"]) == 0
        assert (tmp_path / "z").read_text() == " [\n  1 2 \n  3 4 \n  1 2 \n  3 4 ]\n"

    def test_spliced_frames(self, feats, tmp_path):
        _, spliced = run(tmp_path, "splice-feats", "--left-context=1", "--right-context=1", feats[0])
        assert spliced["one"].tolist() == [[1, 2, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 5, 6]]

    def test_every_other_frame(self, feats, tmp_path, capsys):
        _, kept = run(tmp_path, "subsample-feats", "--n=2", "--offset=1", feats[0])
        assert {key: value.tolist() for key, value in kept.items()} == {"one": [[3, 4]]}
        assert "For utterance two, output would have no rows" in capsys.readouterr().err
        _, repeated = run(tmp_path, "subsample-feats", "--n=-2", feats[0])
        assert repeated["two"].tolist() == [[7, 8], [7, 8]]
        assert run(tmp_path, "subsample-feats", "--n=0", feats[0])[0] == 255

    def test_frames_beside_each_other(self, feats, tmp_path, capsys):
        _, pasted = run(tmp_path, "paste-feats", "--length-tolerance=1", *feats)
        assert pasted["one"].tolist() == [[1, 2, 10], [3, 4, 20]] and pasted["two"].tolist() == [[7, 8, 30]]
        _, strict = run(tmp_path, "paste-feats", *feats)
        assert list(strict) == ["two"]
        assert "Length mismatch 3 vs. 2 for utt one exceeds tolerance 0" in capsys.readouterr().err
        (tmp_path / "b").write_text("three [\n 1 ]\n")
        assert run(tmp_path, "paste-feats", *feats)[0] == 255
        assert f"Missing utt one from input {feats[1]}" in capsys.readouterr().err

    def test_files_of_other_dimensions_cannot_follow_each_other(self, tmp_path, capsys):
        (tmp_path / "x").write_text("[ 1 2 ]\n")
        (tmp_path / "y").write_text("[ 1 ]\n")
        assert run_program("concat-feats", [f"{tmp_path}/x", f"{tmp_path}/y", f"{tmp_path}/z"]) == 255
        assert "expected features of one dimension, got [2, 1]" in capsys.readouterr().err


class TestCmvn:
    def test_normalised_and_back(self, feats, tmp_path):
        _, _stats = run(tmp_path, "compute-cmvn-stats", feats[0])
        (tmp_path / "out").rename(tmp_path / "stats")
        stats = f"ark:{tmp_path}/stats"
        _, normal = run(tmp_path, "apply-cmvn", "--norm-vars=true", stats, feats[0])
        np.testing.assert_allclose(normal["one"].mean(0), 0, atol=1e-6)
        np.testing.assert_allclose(normal["one"].std(0), 1, rtol=1e-5)
        (tmp_path / "out").rename(tmp_path / "normal")
        _, back = run(tmp_path, "apply-cmvn", "--norm-vars", "--reverse", stats, f"ark:{tmp_path}/normal")
        np.testing.assert_allclose(back["one"], [[1, 2], [3, 4], [5, 6]], rtol=1e-5)

    def test_weights_of_frames(self, feats, tmp_path, capsys):
        (tmp_path / "w").write_text("one [ 1 0 1 ]\n")
        _, stats = run(tmp_path, "compute-cmvn-stats", f"--weights=ark:{tmp_path}/w", feats[0])
        assert stats["one"].tolist() == [[6, 8, 2], [26, 40, 0]] and list(stats) == ["one"]
        assert "No weights available for utterance two" in capsys.readouterr().err

    def test_statistics_of_all_and_dimensions_left_alone(self, feats, tmp_path):
        assert run_program("compute-cmvn-stats", ["--binary=false", feats[0], f"{tmp_path}/all"]) == 0
        assert (tmp_path / "all").read_text() == " [\n  16 20 4 \n  84 120 0 ]\n"
        _, normal = run(tmp_path, "apply-cmvn", "--skip-dims=1", f"{tmp_path}/all", feats[0])
        assert normal["two"].tolist() == [[3, 8]]
        _, copied = run(tmp_path, "apply-cmvn", "--norm-means=false", f"{tmp_path}/all", feats[0])
        assert copied["two"].tolist() == [[7, 8]]

    @pytest.mark.parametrize(
        ("words", "stats", "message"),
        [
            (["--norm-vars", "--norm-means=false"], "[ 1 2 3 ]", "You cannot normalize the variance but not the mean."),
            (["--norm-vars"], "[ 1 2 3 ]", "no variance stats are supplied"),
            ([], "[ 1 2 ]", "Dim mismatch: cmvn 1x2, feats 3x2"),
            ([], "[ 1 2 0 ]", "Insufficient stats for cepstral mean and variance normalization: count = 0"),
            (["--skip-dims=a"], "[ 1 2 3 ]", "Bad --skip-dims option"),
            (["--skip-dims=2"], "[ 1 2 3 ]", r"expected dimensions in [0, 2), got [2]"),
            (["--utt2spk=ark:nowhere"], "[ 1 2 3 ]", "not compatible with rxfilename as input"),
        ],
    )
    def test_messages(self, words, stats, message, feats, tmp_path, capsys):
        (tmp_path / "stats").write_text(stats.replace("]", "\n]") + "\n")
        assert run(tmp_path, "apply-cmvn", *words, f"{tmp_path}/stats", feats[0])[0] == 255
        assert message in capsys.readouterr().err


class TestDecisions:
    @pytest.fixture
    def vads(self, tmp_path):
        (tmp_path / "a").write_text("u [ 0 0 1 1 ]\nv [ 1 ]\n")
        (tmp_path / "b").write_text("u [ 0 1 0 1 ]\nv [ 1 1 ]\n")
        return f"ark:{tmp_path}/a", f"ark:{tmp_path}/b"

    def test_speech_where_both_say_so(self, vads, tmp_path, capsys):
        _, merged = run(tmp_path, "merge-vads", *vads)
        assert {key: value.tolist() for key, value in merged.items()} == {"u": [0, 0, 0, 1]}
        assert "VAD length mismatch for utterance v" in capsys.readouterr().err

    def test_a_table_of_labels(self, vads, tmp_path, capsys):
        (tmp_path / "map").write_text("0 0 5 # music\n\n0 1 6\n1 0 7\n")
        assert run(tmp_path, "merge-vads", f"--map={tmp_path}/map", *vads)[0] == 255
        assert "u: Map is missing combination 1 and 1" in capsys.readouterr().err
        with (tmp_path / "map").open("a") as file:
            file.write("1 1 8\n")
        _, merged = run(tmp_path, "merge-vads", f"--map={tmp_path}/map", *vads)
        assert merged["u"].tolist() == [5, 6, 7, 8]
        (tmp_path / "map").write_text("0 0\n")
        assert run(tmp_path, "merge-vads", f"--map={tmp_path}/map", *vads)[0] == 255
        assert "map:1: expected 3 whole numbers, got '0 0'" in capsys.readouterr().err

    def test_the_likeliest_class(self, vads, tmp_path, capsys):
        (tmp_path / "likes").write_text("u [ 0.5 0.5 0.5 0.5 ]\nv [ 2 ]\n")
        likes = f"ark:{tmp_path}/likes"
        _, labels = run(tmp_path, "compute-vad-from-frame-likes", vads[0], likes)
        assert labels["u"].tolist() == [1, 1, 0, 0] and labels["v"].tolist() == [1]
        (tmp_path / "map").write_text("1 3\n")
        options = ["--priors=0.01,0.99", f"--map={tmp_path}/map"]
        _, labels = run(tmp_path, "compute-vad-from-frame-likes", *options, vads[0], likes)
        assert labels["u"].tolist() == [3, 3, 3, 3]
        assert run(tmp_path, "compute-vad-from-frame-likes", "--priors=1", vads[0], likes)[0] == 255
        assert "1 priors specified. Expected 2" in capsys.readouterr().err
        _, labels = run(tmp_path, "compute-vad-from-frame-likes", *vads)
        assert list(labels) == ["u"]
        assert "Dimension mismatch in input vectors in v: 1 vs. 2" in capsys.readouterr().err


def test_silence_at_the_end(tmp_path, capsys):
    noise = np.random.default_rng(2).normal(0, 100, (2, 8000)).round().astype(np.float32)
    (tmp_path / "in.wav").write_bytes(wave_bytes(Wave(8000, noise), print))
    (tmp_path / "scp").write_text(f"u {tmp_path}/in.wav\n")
    options = ["--extra-silence-length=2"]
    assert run_program("extend-wav-with-silence", [*options, f"{tmp_path}/in.wav", f"{tmp_path}/out.wav"]) == 0
    with (tmp_path / "out.wav").open("rb") as file:
        assert read_wave(file, print).samples.shape == (2, 24000)
    arguments = [f"scp:{tmp_path}/scp", f"ark:{tmp_path}/out"]
    assert run_program("extend-wav-with-silence", [*options, *arguments]) == 0
    assert "Successfully extended 1 files." in capsys.readouterr().err
    options = ["--silence-search-length=2"]
    assert run_program("extend-wav-with-silence", [*options, *arguments]) == 255
    assert "expected a wave of 16000 samples and silence of less, got 8000 and 400" in capsys.readouterr().err


def test_plp_options():
    with pytest.raises(ValueError, match=r"n_ceps must lie in \[1, lpc_order \+ 1 = 13\], got 14"):
        PlpConfig(n_ceps=14)


class TestOptionsOfTheRealSource:
    """What Kaldi's programs do, read in their source, where one would expect something else."""

    def test_subset_feats(self, feats, tmp_path, capsys):
        (tmp_path / "list").write_text("one\n")
        for words in (["--n=0"], ["--n=-1"], [f"--include={tmp_path}/list", "--n=3"]):
            assert run(tmp_path, "subset-feats", *words, feats[0])[0] == 255
        assert "Should not have both --include and --n option!" in capsys.readouterr().err
        assert run(tmp_path, "subset-feats", f"--exclude={tmp_path}/list", feats[0])[1].keys() == {"two"}
        (tmp_path / "a").write_text("")
        assert run(tmp_path, "subset-feats", feats[0])[0] == 0
        assert run(tmp_path, "subset-feats", f"--include={tmp_path}/list", feats[0])[0] == 1

    def test_copy_vector_scales_tables_only(self, tmp_path):
        (tmp_path / "v").write_text("[ 1 2 ]\n")
        (tmp_path / "t").write_text("u [ 1 2 ]\n")
        assert run_program("copy-vector", ["--scale=2", "--binary=false", f"{tmp_path}/v", f"{tmp_path}/w"]) == 0
        assert (tmp_path / "w").read_text() == " [ 1 2 ]\n"
        assert run(tmp_path, "copy-vector", "--scale=2", f"ark:{tmp_path}/t")[1]["u"].tolist() == [2, 4]

    def test_wav_to_duration_wants_one_in_the_header(self, tmp_path, capsys):
        data = bytearray(wave_bytes(Wave(8000, np.ones((1, 800), np.float32)), print))
        data[40:44] = b"\xff\xff\xff\xff"
        (tmp_path / "a.wav").write_bytes(data)
        (tmp_path / "scp").write_text(f"u {tmp_path}/a.wav\n")
        arguments = [f"scp:{tmp_path}/scp", f"ark,t:{tmp_path}/out"]
        assert run_program("wav-to-duration", arguments) == 255
        assert "member u has no duration in header. Check the source, and/or try --read-entire-file." in (
            capsys.readouterr().err
        )
        assert run_program("wav-to-duration", ["--read-entire-file", *arguments]) == 0
        assert (tmp_path / "out").read_text() == "u 0.1 \n"
