"""Every command behind the reference files, done by the stand-ins: the files must be Kaldi's."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.exchange.kaldi_backend import read_matrix, read_plda, read_vector
from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.kaldi.stand_ins import PROGRAMS, main

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


def _commands():
    """(path, command) of the lines whose program there is a stand-in for, and whose file there is."""
    lines = [line.split("\t", 1) for line in (GOLDEN / "commands.tsv").read_text().splitlines()]
    return [(path, text) for path, text in lines if text.split()[0] in PROGRAMS and (GOLDEN / path).exists()]


COMMANDS = _commands()
assert len(COMMANDS) > 50, "the reference commands are missing"


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_gives_kaldis_file(path, command, in_golden, run_command, tmp_path):
    out = tmp_path / "out"
    command = re.sub(rf"{re.escape(path)}(?![\w.])", str(out), command)
    if path == "backend/enroll_mean.ark":
        command = command.replace("backend/enroll_num_utts", str(tmp_path / "counts"))
    status, _ = run_command(command)
    assert status == 0
    _compare(path, out, GOLDEN / path)
    if path == "backend/enroll_mean.ark":
        assert (tmp_path / "counts").read_bytes() == (GOLDEN / "backend/enroll_num_utts").read_bytes()


IDENTICAL = ("feats/vad", "feats/mfcc_compressed", "clustering/labels", "metrics/", "nnet3/info")
FEATURES = {"feats/mfcc": 1e-3, "feats/fbank": 1e-3, "feats/": 1e-4}
ONE_FRAME = ("short_159", "short_399", "short_400", "short_401", "short_559", "short_560", "short_80")


def _compare(path, ours, reference):
    """As close as promised for the kind of file."""
    if path.startswith(IDENTICAL):
        assert ours.read_bytes() == reference.read_bytes()
    elif path.startswith("feats/"):
        bound = next(bound for start, bound in FEATURES.items() if path.startswith(start))
        _compare_archives(read_matrices, ours, reference, lambda x, y: np.testing.assert_allclose(x, y, 0, bound))
    elif path.startswith("clustering/scores"):
        _compare_archives(
            read_matrices, ours, reference, lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)
        )
    elif path.startswith("augment/"):
        _compare_waves(ours, reference)
    elif path.endswith(".ark"):
        _compare_archives(read_vectors, ours, reference, None)
    elif path.startswith("backend/scores") or path == "backend/enroll_scores":
        _compare_scores(ours, reference)
    elif path.startswith("backend/plda"):
        _compare_plda(ours, reference)
    elif path == "backend/mean.vec":
        np.testing.assert_allclose(read_vector(ours), read_vector(reference), rtol=1e-4)
    else:
        assert path.startswith("backend/transform")
        x, y = read_matrix(ours), read_matrix(reference)
        sign = np.sign((x * y).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(x, sign * y, rtol=1e-4, atol=1e-4 * np.abs(y).max())


def _compare_archives(read, ours, reference, check):
    x, y = dict(read(f"ark:{ours}")), dict(read(f"ark:{reference}"))
    assert list(x) == list(y)
    for key, value in y.items():
        if check is not None:
            check(x[key], value)
        else:
            # The standard deviations of one frame's copies are rounding noise, so only the size of it can agree.
            bound = 1e-3 if key in ONE_FRAME else 1e-4
            assert np.linalg.norm(x[key] - value) <= bound * np.linalg.norm(value), key


def _compare_waves(ours, reference):
    (x, rate), (y, _) = (soundfile.read(io.BytesIO(path.read_bytes()), dtype="int16") for path in (ours, reference))
    assert rate == 16000
    np.testing.assert_allclose(x.astype(int), y.astype(int), rtol=0, atol=1)


def _compare_scores(ours, reference):
    x, y = ([line.split() for line in path.read_text().splitlines()] for path in (ours, reference))
    assert [row[:2] for row in x] == [row[:2] for row in y]
    np.testing.assert_allclose([float(row[2]) for row in x], [float(row[2]) for row in y], rtol=1e-4, atol=1e-4)


def _compare_plda(ours, reference):
    x, y = read_plda(ours), read_plda(reference)
    np.testing.assert_allclose(x.mean_, y.mean_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(x.psi_, y.psi_, rtol=1e-4, atol=1e-6)
    sign = np.sign((x.transform_ * y.transform_).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(x.transform_, sign * y.transform_, rtol=0, atol=1e-4 * np.abs(y.transform_).max())


def test_shims_take_no_other_files_place(tmp_path, capsys):
    own = tmp_path / "wav-copy"
    own.write_text("#!/bin/sh\necho my own\n")
    assert main(["--install-shims", str(tmp_path)]) == 1
    assert f"{own}: expected a stand-in of pysid's or nothing, got another file" in capsys.readouterr().err
    assert own.read_text() == "#!/bin/sh\necho my own\n" and list(tmp_path.iterdir()) == [own]
    own.unlink()
    own.symlink_to("/bin/sh")
    assert main(["--install-shims", str(tmp_path)]) == 1 and own.is_symlink()
    own.unlink()
    older = "#!/bin/sh\nexec python -P -c 'from pysid.kaldi.__main__ import main' wav-copy \"$@\"\n"
    own.write_text(older)
    for _ in range(2):
        assert main(["--install-shims", str(tmp_path), "--all"]) == 0
    assert own.read_text() != older and own.stat().st_mode & 0o111
