"""Where a package's files are looked for, and which of several are taken."""

import shutil

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.exchange.from_kaldi import read_package
from pysid.exchange.kaldi_backend import read_plda
from pysid.exchange.kaldi_package import Choices, find_files, read_count

WITHOUT = Choices(plda="none")


def test_files_are_chosen_by_name_or_path(golden, whole):
    shutil.copy(golden / "backend" / "plda_adapted", whole / "xvectors_train" / "plda_adapt.smooth0.1")
    shutil.copy(golden / "backend" / "plda_smoothed", whole.parent / "other")
    for choice, expected in (("plda_adapt.smooth0.1", "plda_adapted"), (str(whole.parent / "other"), "plda_smoothed")):
        backend = read_package(whole, Choices(plda=choice)).model.backend
        np.testing.assert_array_equal(backend.plda_.psi_, read_plda(golden / "backend" / expected).psi_)


def test_the_root_of_a_package_is_told_from_its_network(package):
    folder = package()
    with pytest.raises(DataError, match=r"package: expected a folder with .*; is it .*package/exp/xvector_nnet_1a\?$"):
        read_package(folder.parent.parent, WITHOUT)


def test_a_file_is_looked_for_where_packages_have_it(whole):
    files = find_files(whole, Choices())
    assert files.network == whole / "final.raw" and files.extract_config is None
    assert files.features.resolve() == (whole / ".." / ".." / "conf" / "mfcc.conf").resolve()
    assert files.plda == whole / "xvectors_train" / "plda"
    (whole / "conf").mkdir()
    (whole / "conf" / "mfcc.conf").write_text("--num-ceps=20\n")
    assert find_files(whole, Choices()).features == whole / "conf" / "mfcc.conf"  # the nearest
    assert find_files(whole, Choices(vad_conf="none", plda="none")).vad is None
    assert set(files.existing()) > {files.network, files.plda, files.mean, files.transform}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (Choices(mean="no.vec"), r"expected no\.vec in .*xvectors\*, got no such file: give --mean FILE, or --mean no"),
        (Choices(mfcc_conf="none"), "expected the options of its features, got --mfcc-conf none"),
        (Choices(fbank_conf="fbank.conf"), r"expected fbank\.conf in .*, got no such file: give --fbank-conf FILE"),
        (Choices(backend_dir="elsewhere"), "expected plda in elsewhere, got no such file"),
    ],
)
def test_what_is_not_there_is_named(whole, choices, message):
    with pytest.raises(DataError, match=message):
        find_files(whole, choices)


def test_one_of_several_must_be_chosen(whole):
    shutil.copytree(whole / "xvectors_train", whole / "xvectors_dev")
    with pytest.raises(DataError, match=r"expected one plda, got .* and .*: give --plda FILE or --backend-dir DIR"):
        find_files(whole, Choices())
    assert find_files(whole, Choices(backend_dir="xvectors_dev")).plda == whole / "xvectors_dev" / "plda"


@pytest.mark.parametrize(("text", "count"), [("25\n", 25), ("-1", -1), ("2.5", None), ("", None), ("1" * 10, None)])
def test_numbers_of_frames(text, count, tmp_path):
    (tmp_path / "n").write_text(text)
    if count is None:
        with pytest.raises(DataError, match="n: expected a whole number of frames, got "):
            read_count(tmp_path / "n")
    else:
        assert read_count(tmp_path / "n") == count
