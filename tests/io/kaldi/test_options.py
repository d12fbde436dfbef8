import pytest

from pysid.errors import DataError
from pysid.io.kaldi.options import read_option_file


def test_reads_kaldis_own_files(golden):
    assert read_option_file(golden / "feats" / "vad.conf") == {
        "vad-energy-threshold": "5.5",
        "vad-energy-mean-scale": "0.5",
        "vad-proportion-threshold": "0.12",
        "vad-frames-context": "2",
    }


def test_comments_switches_spelling_and_repeats_are_kaldis(tmp_path):
    path = tmp_path / "a.conf"
    path.write_text("# all of it\n\n  --Num_Mel-bins = 23 # old\n--num-mel-bins=30\r\n--allow-downsample\n--utt2spk=\n")
    with pytest.raises(DataError, match=r"a\.conf:3: expected '--option=value', got '--Num_Mel-bins = 23'"):
        read_option_file(path)
    path.write_text(path.read_text().replace(" = 23", "= 23"))
    assert read_option_file(path) == {"num-mel-bins": "30", "allow-downsample": "true", "utt2spk": ""}


@pytest.mark.parametrize("line", ["sample-frequency=16000", "-x=1", "--=3", "--"])
def test_other_lines_are_named(tmp_path, line):
    path = tmp_path / "a.conf"
    path.write_text(f"--dither=0\n{line}\n")
    with pytest.raises(DataError, match=rf"a\.conf:2: expected '--option=value', got '{line}'"):
        read_option_file(path)
