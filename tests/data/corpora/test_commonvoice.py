"""Common Voice: from a language folder to data directories."""

import pytest

from pysid.data.corpora.commonvoice import Clip, CommonVoiceConfig, prepare_commonvoice, read_clips
from pysid.data.corpus import Corpus
from pysid.data.validate import validate
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import read_spk2gender, read_trials

HEADING = "client_id\tpath\tsentence\tgender\n"
CONFIG = CommonVoiceConfig(n_dev_speakers=2, min_dev_clips=3, max_clips=4, n_nontarget=5)


def write_release(folder, lines, heading=HEADING):
    """A language folder with a list, and empty files for its clips."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    content = heading + "".join(lines)
    (folder / "validated.tsv").write_bytes(content if isinstance(content, bytes) else content.encode())
    for line in lines:
        name = line.rstrip("\n").split("\t")[1:2]
        if name and name[0] and "/" not in name[0]:
            (folder / "clips" / name[0]).touch()
    return folder


@pytest.fixture
def release(tmp_path):
    """Contributors c0 to c7 with 1 to 8 clips each."""
    genders = ["male_masculine", "female", "", "other"]
    lines = [
        f"{c:x}" * 8 + f'\tcommon_voice_fr_{c}{i}.mp3\tDit-il "oui".\t{genders[c % 4]}\n'
        for c in range(8)
        for i in range(c + 1)
    ]
    return write_release(tmp_path / "fr", lines)


def test_train_and_dev(release, tmp_path):
    counts = prepare_commonvoice(release, tmp_path / "data", CONFIG)
    train, dev = (Corpus.read(tmp_path / "data" / name) for name in ("train", "dev"))
    assert counts == {"train": (6, len(train)), "dev": (2, len(dev))}
    assert not set(train.speakers()) & set(dev.speakers())
    for corpus in (train, dev):
        assert [p for p in validate(corpus.directory) if p.level == "error"] == []
        assert max(map(len, corpus.spk2utt().values())) <= 4
    assert min(map(len, dev.spk2utt().values())) >= 3
    n_clips = sorted(len(x) for c in (train, dev) for x in c.spk2utt().values())
    assert n_clips == [1, 2, 3, 4, 4, 4, 4, 4]
    trials = read_trials(tmp_path / "data" / "dev" / "trials")
    assert sum(t.is_target is False for t in trials) == 5
    for t in trials:
        assert (dev[t.enrol].speaker == dev[t.test].speaker) is t.is_target


def test_contributors_get_a_short_name_and_known_genders(release, tmp_path):
    prepare_commonvoice(release, tmp_path / "data", CommonVoiceConfig(n_dev_speakers=0))
    corpus = Corpus.read(tmp_path / "data" / "train")
    genders = read_spk2gender(tmp_path / "data" / "train" / "spk2gender")
    by_clip = {u.source.rpartition("_")[2][0]: genders.get(u.speaker) for u in corpus}
    assert by_clip == {"0": "m", "1": "f", "2": None, "3": None, "4": "m", "5": "f", "6": None, "7": None}
    assert all(s.startswith("cv") and len(s) == 12 for s in corpus.speakers())
    assert not (tmp_path / "data" / "dev").exists()
    for name in ("wav.scp", "utt2spk", "spk2utt"):
        assert "00000000" not in (tmp_path / "data" / "train" / name).read_text()


def test_the_seed_decides(release, tmp_path):
    def dev(out, seed):
        prepare_commonvoice(release, tmp_path / out, CommonVoiceConfig("validated", 2, 3, 4, 5, seed))
        return (tmp_path / out / "dev" / "trials").read_text()

    assert dev("a", 1) == dev("b", 1)
    assert len({dev("a", seed) for seed in range(5)}) > 1


def test_clips_that_are_not_there_are_left_out_and_counted(release):
    (release / "clips" / "common_voice_fr_00.mp3").unlink()
    (release / "clips" / "common_voice_fr_31.mp3").unlink()
    with pytest.warns(PysidWarning, match=r"clips: 2 of 36 clips are not there; the first is common_voice_fr_00.mp3$"):
        clips = read_clips(release)
    assert len(clips) == 34 and clips[0].path == "common_voice_fr_10.mp3"


def test_odd_lines_that_are_fine(tmp_path):
    """Quotation marks are text, a byte-order mark is read over, columns that are not needed may be missing."""
    lines = ['a\tx.mp3\t"unfinished\rline\tmale\n', "\n", "a\ty.mp3\n", "b\tz.mp3\ts\tfemale\r\n"]
    write_release(tmp_path, lines, "\ufeff" + HEADING)
    a, b = "cv86f7e437fa", "cve9d71f5ee7"
    assert read_clips(tmp_path) == [Clip(a, "x.mp3", "m"), Clip(a, "y.mp3", None), Clip(b, "z.mp3", "f")]


@pytest.mark.parametrize(
    ("lines", "heading", "message"),
    [
        (["a\tx.mp3\n", "a\n"], HEADING, r"validated.tsv:3: expected a client_id and a path, got 'a' and None"),
        (["a\t\ts\n"], HEADING, r"validated.tsv:2: expected a client_id and a path, got 'a' and ''"),
        (["a\t../x.mp3\n"], HEADING, r"validated.tsv:2: expected a file name within clips/, got '../x.mp3'"),
        (["a\tx.mp3\n"], "id\tfile\n", r"validated.tsv:1: expected the columns client_id and path, got 'id file'"),
    ],
)
def test_malformed_lists(tmp_path, lines, heading, message):
    write_release(tmp_path, lines, heading)
    with pytest.raises(DataError, match=message):
        read_clips(tmp_path)


def test_a_list_that_is_not_utf8(tmp_path):
    write_release(tmp_path, ["a\tx.mp3\n"])
    with (tmp_path / "validated.tsv").open("ab") as file:
        file.write(b"a\ty.mp3\tcaf\xe9\n")
    with pytest.raises(DataError, match=r"validated.tsv:3: expected UTF-8 text, got "):
        read_clips(tmp_path)


def test_missing_parts_of_a_release(release):
    with pytest.raises(DataError, match=r"fr/invalidated.tsv: not found; expected a language folder"):
        read_clips(release, "invalidated")
    for clip in (release / "clips").iterdir():
        clip.unlink()
    (release / "clips").rmdir()
    with pytest.raises(DataError, match=r"fr/clips: not found; expected a language folder"):
        read_clips(release)


def test_too_few_speakers(release, tmp_path):
    config = CommonVoiceConfig(n_dev_speakers=5, min_dev_clips=5)
    with pytest.raises(DataError, match=r"fr: 4 of 8 speakers have 5 clips or more, fewer than the 5 wanted"):
        prepare_commonvoice(release, tmp_path / "data", config)
    assert not (tmp_path / "data").exists()
    write_release(tmp_path / "empty", [])
    with pytest.raises(DataError, match=r"empty/validated.tsv: expected clips, got none"):
        prepare_commonvoice(tmp_path / "empty", tmp_path / "data", CommonVoiceConfig(n_dev_speakers=0))


@pytest.mark.parametrize(
    "options",
    [
        {"n_dev_speakers": 1},
        {"n_dev_speakers": -1},
        {"max_clips": 1},
        {"max_clips": -1},
        {"min_dev_clips": 1},
        {"n_nontarget": 0},
    ],
)
def test_settings_that_make_no_sense(options):
    with pytest.raises(ValueError, match=r"must not be negative|two speakers"):
        CommonVoiceConfig(**options)
