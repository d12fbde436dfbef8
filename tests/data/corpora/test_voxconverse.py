"""VoxConverse for diarization."""

import numpy as np
import pytest
import soundfile

from pysid.data.corpora.voxconverse import prepare_voxconverse
from pysid.data.corpus import Corpus
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import read_table
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.segments import Segment


@pytest.fixture
def references(tmp_path):
    for split, names in (("dev", ("abjxc", "afjiv")), ("test", ("zztop",))):
        (tmp_path / "voxconverse" / split).mkdir(parents=True)
        for name in names:
            lines = [f"SPEAKER {name} 1 {i} 1.500000 <NA> <NA> spk0{i} <NA> <NA>\n" for i in range(2)]
            (tmp_path / "voxconverse" / split / f"{name}.rttm").write_text("".join(lines))
    return tmp_path / "voxconverse"


def audio(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.zeros(48000, np.int16), 16000)
    return folder


def test_parts_of_which_there_is_audio(references, tmp_path):
    recordings = audio(tmp_path / "audio", "voxconverse_dev_wav/audio/abjxc.wav", "other.wav")
    with pytest.warns(PysidWarning, match=r"^1 recordings of .*voxconverse/dev are not in .*audio: afjiv \("):
        prepared = prepare_voxconverse(recordings, references, tmp_path / "data")
    directory = tmp_path / "data" / "voxconverse_dev"
    assert [str(line) for line in prepared] == [f"{directory}: 1 recordings, 0 minutes"]
    assert Corpus.read(directory).durations() == {"abjxc": 3.0}
    assert [turn.speaker for turn in read_rttm(directory / "ref.rttm")["abjxc"]] == ["spk00", "spk01"]
    assert read_uem(directory / "all.uem") == {"abjxc": [Segment(0.0, 3.0)]}
    assert read_table(directory / "reco2num_spk") == {"abjxc": "2"}


def test_bad_input(references, tmp_path):
    def message(recordings, rttms):
        with pytest.raises(DataError) as caught:
            prepare_voxconverse(recordings, rttms, tmp_path / "data")
        return str(caught.value)

    recordings = audio(tmp_path / "audio", "other.wav")
    assert message(recordings, references / "dev").endswith(
        "dev: expected dev/ or test/ with .rttm files in it, got none"
    )
    assert message(tmp_path / "none", references).endswith("none: expected the folder of a corpus, got nothing")
    assert message(references, references).endswith("expected audio files, in it or below it; got dev/, test/")
    assert message(recordings, references).endswith("/dev, got none of them, but 'other'")
    assert not (tmp_path / "data").exists()
