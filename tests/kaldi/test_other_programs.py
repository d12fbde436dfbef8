"""What is said in the place of Kaldi's programs that have no stand-in."""

import subprocess

import pytest

from pysid.kaldi.other_programs import EXCEPTIONS, INSTEAD, PLACES, refusal
from pysid.kaldi.stand_ins import PROGRAMS, main


def test_programs_that_have_no_stand_in(capfd, tmp_path):
    assert main(["nnet3-train", "--help"]) == 255
    line = capfd.readouterr().err
    assert line == (
        "ERROR (nnet3-train[5.5]:main():nnet3-train.cc:1) pysid has no stand-in for nnet3-train: "
        "networks are trained by `pysid train`\n"
    )
    assert main(["--install-shims", str(tmp_path), "--all"]) == 0
    assert int(capfd.readouterr().out.split()[0]) == len(PROGRAMS | PLACES) == len(list(tmp_path.iterdir()))
    done = subprocess.run([tmp_path / "nnet3-train", "a", "b"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (255, line)
    done = subprocess.run([tmp_path / "copy-feats", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Usage: copy-feats" in done.stderr


def test_every_name_is_kaldis():
    assert len(PLACES) > 500 and set(PROGRAMS) <= set(PLACES)
    assert "pitch" in PLACES["compute-kaldi-pitch-feats"]


def test_every_folder_has_a_word_and_exceptions_their_own():
    assert set(INSTEAD.values()) <= set(PLACES.values())
    assert PLACES["compute-plp-feats"] == INSTEAD["featbin"] and PLACES["lattice-1best"] == INSTEAD["latbin"]
    assert PLACES["nnet3-compute"] == EXCEPTIONS["nnet3-compute"] != INSTEAD["nnet3bin"]
    assert EXCEPTIONS.keys() <= PLACES.keys()


@pytest.mark.parametrize("name", ["nnet3-train", "lattice-1best", "compute-kaldi-pitch-feats"])
def test_the_refusal_is_one_line_in_the_form_of_kaldis_errors(name):
    line = refusal(name)
    assert line == f"ERROR ({name}[5.5]:main():{name}.cc:1) pysid has no stand-in for {name}: {PLACES[name]}"
    assert "\n" not in line
