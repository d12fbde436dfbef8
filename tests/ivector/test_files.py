"""Kaldi's files: what is written is read again, in both formats; broken ones end with a message."""

import textwrap
from pathlib import Path

import numpy as np
import pytest

from pysid import ivector
from pysid.errors import DataError
from pysid.io.ark.archive import read_matrices
from pysid.io.kaldi.files import new_writer, open_reader, reader_for
from pysid.ivector import files

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi" / "ivector"
KINDS = [
    ("init.dubm", files.parse_diag_gmm, files.write_diag_gmm),
    ("2.fubm", files.parse_full_gmm, files.write_full_gmm),
    ("1.ie", files.parse_extractor, files.write_extractor),
    ("0w.ie", files.parse_extractor, files.write_extractor),
    ("ie.acc", files.parse_extractor_stats, files.write_extractor_stats),
    ("acc", files.parse_gmm_stats, lambda writer, stats: files.write_gmm_stats(writer, stats, stats.first.shape[1])),
    ("facc", files.parse_gmm_stats, lambda writer, stats: files.write_gmm_stats(writer, stats, stats.first.shape[1])),
]


def fields(value):
    return {name: np.asarray(getattr(value, name)) for name in value.__dataclass_fields__}


@pytest.mark.parametrize(("name", "parse", "write"), KINDS, ids=[kind[0] for kind in KINDS])
def test_read_and_written_again(name, parse, write):
    value = parse(open_reader(GOLDEN / name))
    for binary, rtol in ((True, 1e-5), (False, 1e-5)):
        writer = new_writer(binary)
        write(writer, value)
        again = fields(parse(reader_for(writer.content(), name)))
        for field, expected in fields(value).items():
            scale = np.abs(expected).max() if expected.size else 0
            np.testing.assert_allclose(again[field], expected, rtol=rtol, atol=1e-6 * scale, err_msg=field)
    if name in ("1.ie", "0w.ie"):
        writer = new_writer(True)
        write(writer, value)
        assert writer.content() == (GOLDEN / name).read_bytes()


def test_the_text_form_is_kaldis():
    gmm = files.parse_diag_gmm(open_reader(GOLDEN / "init.dubm"))
    writer = new_writer(False)
    files.write_diag_gmm(writer, gmm)
    ours, reference = writer.content().decode().split("\n"), (GOLDEN / "init.dubm.txt").read_text().split("\n")
    # The constants are computed anew, as in Kaldi, and so may have another last digit.
    assert [line for line in ours if "GCONSTS" not in line] == [line for line in reference if "GCONSTS" not in line]


@pytest.mark.parametrize(("name", "parse", "write"), KINDS, ids=[kind[0] for kind in KINDS])
def test_broken_files(name, parse, write):
    data = (GOLDEN / name).read_bytes()
    for end in (10, 30, len(data) // 2, len(data) - 3):
        with pytest.raises(DataError, match=f"^{name}: "):
            parse(reader_for(data[:end], name))


def test_parts_that_do_not_fit():
    with pytest.raises(DataError, match=r"^bad:1: expected \(G,\) weights"):
        text = b"<DiagGMM> <WEIGHTS> [ 1 1 ] <MEANS_INVVARS> [ 1 2 ] <INV_VARS> [ 1 2 ] </DiagGMM>"
        files.parse_diag_gmm(reader_for(text, "bad"))


def test_the_packages_example_does_what_it_says(monkeypatch, tmp_path):
    (tmp_path / "final.ubm").symlink_to(GOLDEN / "2.fubm")
    (tmp_path / "final.ie").symlink_to(GOLDEN / "1.ie")
    monkeypatch.chdir(tmp_path)
    names = vars(ivector) | {name: getattr(ivector, name) for name in ivector.__all__} | vars(files)
    names |= {"open_reader": open_reader, "x": next(read_matrices(f"ark:{GOLDEN / 'feats.ark'}"))[1]}
    example = ivector.__doc__.split("\n\n")[1].replace(", 20)", ", 2)")  # of the 20 best: this one has fewer
    exec(textwrap.dedent(example), names)  # our own docstring
    assert names["vectors"].shape[0] == 1 and np.isfinite(names["vectors"]).all()
