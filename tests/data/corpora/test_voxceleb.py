"""VoxCeleb1 and VoxCeleb2: from trees of the three layouts to data directories with Kaldi's names."""

import numpy as np
import pytest
import soundfile

from pysid.data.corpora.voxceleb import prepare_voxceleb1, prepare_voxceleb2
from pysid.data.corpus import Corpus
from pysid.data.validate import validate
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import read_table, read_trials

TRAIN, TEST = ("id10001", "id10002"), ("id10270", "id10271")
NAMES = {"id10001": "A.J._Buckley", "id10002": "A.R._Rahman", "id10270": "Eartha_Kitt", "id10271": "Ed_Westwick"}
VIDEOS = ("x6uYqmx31kE", "-HJ1cf_qh-E")
META = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n" + "".join(
    f"{number}\t{name}\t{'f' if number == 'id10270' else 'm'}\tNew Zealand\t{'test' if number in TEST else 'dev'}\n"
    for number, name in NAMES.items()
)
LIST_O = """1 id10270/x6uYqmx31kE/00001.wav id10270/-HJ1cf_qh-E/00002.wav
0 id10270/x6uYqmx31kE/00001.wav id10271/x6uYqmx31kE/00002.wav
"""
OLD_LIST = """1 Eartha_Kitt/x6uYqmx31kE_0000001.wav Eartha_Kitt/-HJ1cf_qh-E_0000002.wav
0 Eartha_Kitt/x6uYqmx31kE_0000001.wav Ed_Westwick/x6uYqmx31kE_0000002.wav
"""
LIST_E = LIST_O + "0 id10001/x6uYqmx31kE/00001.wav id10270/-HJ1cf_qh-E/00002.wav\n"


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def clips(tree, speakers, ending="wav"):
    touch(*(tree / s / v / f"{k:05d}.{ending}" for s in speakers for v in VIDEOS for k in (1, 2)))


@pytest.fixture
def vox1(tmp_path):
    """VoxCeleb1 in the layout of later releases, with a list and the metadata."""
    root = tmp_path / "VoxCeleb1"
    clips(root / "dev" / "wav", TRAIN)
    clips(root / "test" / "wav", TEST)
    (root / "veri_test.txt").write_text(LIST_O)
    (root / "vox1_meta.csv").write_text(META)
    return root


@pytest.fixture
def out(tmp_path):
    return tmp_path / "data"


def trials(path):
    return [(trial.enrol, trial.test, trial.is_target) for trial in read_trials(path)]


def errors(directory):
    return [problem for problem in validate(directory) if problem.level == "error"]


def test_voxceleb1_as_kaldi_does_it(vox1, out):
    prepared = prepare_voxceleb1(vox1, out)
    assert [str(line) for line in prepared] == [
        f"{out}/voxceleb1_train: 2 speakers, 8 utterances",
        f"{out}/voxceleb1_test: 2 speakers, 8 utterances",
        f"{out}/voxceleb1_test/trials-o: 1 target trials, 1 nontarget trials",
        f"{out}/voxceleb1_test/trials: 1 target trials, 1 nontarget trials",
    ]
    train, test = Corpus.read(out / "voxceleb1_train"), Corpus.read(out / "voxceleb1_test")
    assert train.speakers() == list(TRAIN) and test.speakers() == list(TEST)
    assert test["id10270--HJ1cf_qh-E-00002"].source == f"{vox1}/test/wav/id10270/-HJ1cf_qh-E/00002.wav"
    assert test.genders() == {"id10270": "f", "id10271": "m"}
    assert trials(out / "voxceleb1_test" / "trials") == [
        ("id10270-x6uYqmx31kE-00001", "id10270--HJ1cf_qh-E-00002", True),
        ("id10270-x6uYqmx31kE-00001", "id10271-x6uYqmx31kE-00002", False),
    ]
    assert errors(train.directory) == errors(test.directory) == []
    assert not (out / "voxceleb1").exists() and not (out / "voxceleb1_test" / "utt2dur").exists()


def test_the_first_release(tmp_path, out):
    """Also where its folders have the ids of later releases, as Kaldi reads them."""
    root = tmp_path / "old"
    folders = {number: number if number in ("id10002", "id10271") else name for number, name in NAMES.items()}
    touch(
        *(root / "voxceleb1_wav" / f / f"{v}_000000{k}.wav" for f in folders.values() for v in VIDEOS for k in (1, 2))
    )
    (root / "voxceleb1_test.txt").write_text(OLD_LIST)
    (root / "vox1_meta.csv").write_text(META.replace("\t", ","))
    prepare_voxceleb1(root, out)
    train, test = Corpus.read(out / "voxceleb1_train"), Corpus.read(out / "voxceleb1_test")
    assert train.speakers() == ["A.J._Buckley", "A.R._Rahman"] and test.speakers() == ["Eartha_Kitt", "Ed_Westwick"]
    assert test["Ed_Westwick--HJ1cf_qh-E-0000002"].source.endswith("/id10271/-HJ1cf_qh-E_0000002.wav")
    expected = [
        ("Eartha_Kitt-x6uYqmx31kE-0000001", "Eartha_Kitt--HJ1cf_qh-E-0000002", True),
        ("Eartha_Kitt-x6uYqmx31kE-0000001", "Ed_Westwick-x6uYqmx31kE-0000002", False),
    ]
    assert trials(out / "voxceleb1_test" / "trials") == expected
    (root / "voxceleb1_test.txt").unlink()
    (root / "veri_test.txt").write_text(LIST_O)  # a list of the later releases means the same utterances
    prepare_voxceleb1(root, out)
    assert trials(out / "voxceleb1_test" / "trials") == expected


def test_a_list_of_the_first_release_for_a_later_one(vox1, out):
    prepare_voxceleb1(vox1, out / "new")
    (vox1 / "veri_test.txt").unlink()
    (vox1 / "voxceleb1_test.txt").write_text(OLD_LIST)
    prepare_voxceleb1(vox1, out / "old")
    for directory in ("voxceleb1_train", "voxceleb1_test"):
        for path in (out / "new" / directory).iterdir():
            assert path.read_text() == (out / "old" / directory / path.name).read_text()


@pytest.mark.parametrize("without", ["veri_test.txt", "vox1_meta.csv"])
def test_both_parts_in_one_folder(tmp_path, out, without):
    """The speakers of the test come from the list, or else from the metadata."""
    root = tmp_path / "VoxCeleb1"
    clips(root / "wav", TRAIN + TEST)
    (tmp_path / "veri_test.txt").write_text(LIST_O)  # beside the folder is fine too
    (root / "vox1_meta.csv").write_text(META)
    next(tmp_path.rglob(without)).unlink()
    if without == "veri_test.txt":
        with pytest.warns(
            PysidWarning, match=r"VoxCeleb1: no trial list such as veri_test.txt; get some from https://"
        ):
            prepare_voxceleb1(root, out)
        assert not (out / "voxceleb1_test" / "trials").exists()
    else:
        prepare_voxceleb1(root, out)
        assert not (out / "voxceleb1_test" / "spk2gender").exists()
    assert Corpus.read(out / "voxceleb1_train").speakers() == list(TRAIN)
    assert Corpus.read(out / "voxceleb1_test").speakers() == list(TEST)


def test_who_is_test_is_not_known(tmp_path, out):
    clips(tmp_path / "VoxCeleb1" / "wav", TRAIN)
    with pytest.raises(DataError, match=r"VoxCeleb1: expected veri_test.txt, or vox1_meta.csv, which name"):
        prepare_voxceleb1(tmp_path / "VoxCeleb1", out)
    assert not out.exists()


def test_a_speaker_of_the_test_is_never_trained_on(vox1, out):
    clips(vox1 / "dev" / "wav", ["id10271"])
    touch(vox1 / "dev" / "wav" / "id10271" / VIDEOS[0] / "00009.wav")
    with pytest.warns(PysidWarning, match=r"^4 files of voxceleb1 have a twin that is used: id10271-"):
        prepare_voxceleb1(vox1, out)
    assert "id10271" not in Corpus.read(out / "voxceleb1_train").speakers()
    assert "id10271-x6uYqmx31kE-00009" in Corpus.read(out / "voxceleb1_test")
    assert len((out / "voxceleb1.duplicates").read_text().splitlines()) == 4


def test_all_lists(vox1, out):
    for name in ("veri_test2", "list_test_all", "list_test_all2", "list_test_hard", "list_test_hard2"):
        (vox1 / "meta").mkdir(exist_ok=True)
        (vox1 / "meta" / f"{name}.txt").write_text(LIST_O if name.startswith("veri") else LIST_E)
    prepare_voxceleb1(vox1, out)
    lists = {
        directory: sorted(p.name for p in (out / directory).glob("trials*"))
        for directory in ("voxceleb1_test", "voxceleb1")
    }
    assert lists == {
        "voxceleb1_test": ["trials", "trials-o", "trials-o-cleaned"],
        "voxceleb1": ["trials-e", "trials-e-cleaned", "trials-h", "trials-h-cleaned"],
    }
    everybody = Corpus.read(out / "voxceleb1")
    assert everybody.speakers() == [*TRAIN, *TEST] and errors(everybody.directory) == []
    assert trials(out / "voxceleb1" / "trials-h")[2] == (
        "id10001-x6uYqmx31kE-00001",
        "id10270--HJ1cf_qh-E-00002",
        False,
    )


def test_lists_that_are_given(vox1, out, tmp_path):
    (tmp_path / "list_test_hard_cleaned.txt").write_text(LIST_E)
    (tmp_path / "mine.txt").write_text(LIST_E)
    prepare_voxceleb1(vox1, out, trials=[tmp_path / "mine.txt", tmp_path / "list_test_hard_cleaned.txt"])
    assert sorted(p.name for p in out.rglob("trials*")) == ["trials-h-cleaned", "trials-mine"]
    assert Corpus.read(out / "voxceleb1_test").speakers() == list(TEST)  # by the folder
    with pytest.raises(DataError, match=r"none.txt: cannot read the file: No such file"):
        prepare_voxceleb1(vox1, out, trials=[tmp_path / "none.txt"])
    with pytest.raises(DataError, match=r"mine.txt: expected lists of different names, got mine.txt, mine.txt$"):
        prepare_voxceleb1(vox1, out, trials=[tmp_path / "mine.txt", vox1 / "mine.txt"])


def test_trials_without_audio_and_repeated_trials(vox1, out):
    (vox1 / "test" / "wav" / "id10271" / VIDEOS[0] / "00002.wav").unlink()
    (vox1 / "veri_test.txt").write_text(
        LIST_O + LIST_O + "0 id10270/x6uYqmx31kE/00001.wav id19999/x6uYqmx31kE/00001.wav\n"
    )
    with pytest.warns(PysidWarning) as warned:
        prepare_voxceleb1(vox1, out)
    path = out / "voxceleb1_test" / "trials-o"
    assert sorted(str(w.message) for w in warned) == [
        "1 trials of trials-o are repeated, and are kept: id10270-x6uYqmx31kE-00001 id10270--HJ1cf_qh-E-00002 "
        f"(all in {path}.duplicates)",
        "2 utterances of 3 of 5 trials are not there: id10271-x6uYqmx31kE-00002, id19999-x6uYqmx31kE-00001 "
        f"(all in {path}.missing)",
    ]
    assert len(read_trials(path)) == 2 and errors(path.parent) == []
    assert path.with_name("trials-o.missing").read_text().split() == [
        "id10271-x6uYqmx31kE-00002",
        "id19999-x6uYqmx31kE-00001",
    ]
    (vox1 / "veri_test.txt").write_text(LIST_O.splitlines()[0] + "\n")
    prepare_voxceleb1(vox1, out)  # nothing to report any more
    assert sorted(p.name for p in path.parent.glob("trials*")) == ["trials", "trials-o"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 id10270/x/00001.wav id10270/x/00002.wav", r"veri_test.txt:3: expected 1 or 0 first, got '2'"),
        ("1 id10270/x/00001.wav", r"veri_test.txt:3: expected '1\|0 speaker/video/segment.wav speaker"),
        ("1 id10270/00001.wav id10270/x/00002.wav", r"veri_test.txt:3: expected 'speaker/video/segment.wav', got"),
        ("1 id1/x/../00001.wav id10270/x/00002.wav", r"veri_test.txt:3: expected 'speaker/video/segment.wav', got"),
    ],
)
def test_malformed_lists(vox1, out, line, message):
    (vox1 / "veri_test.txt").write_text(LIST_O + line + "\n")
    with pytest.raises(DataError, match=message):
        prepare_voxceleb1(vox1, out)
    assert not out.exists()


def test_an_empty_list(vox1, out):
    (vox1 / "veri_test.txt").write_text("\n")
    with pytest.raises(DataError, match=r"veri_test.txt: expected trials, got none"):
        prepare_voxceleb1(vox1, out)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,name\nid1,x\n", r"vox1_meta.csv:1: expected the columns id, name, Gender, ..., Set, got 'id,name'"),
        (META + "id10272\tEddie\n", r"vox1_meta.csv:6: expected 5 columns as in line 1, got "),
        (META + META.splitlines()[1] + "\n", r"vox1_meta.csv:6: expected each speaker once, got 'id10001' again"),
        (META + "id1\tx\tw\tUK\tdev\n", r"vox1_meta.csv:6: expected the gender m or f, got 'w'"),
        ("", r"vox1_meta.csv: expected speakers, got none"),
    ],
)
def test_malformed_metadata(vox1, out, content, message):
    (vox1 / "vox1_meta.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        prepare_voxceleb1(vox1, out)


def test_wrong_folders(vox1, out, tmp_path):
    def message(folder, prepare=prepare_voxceleb1):
        with pytest.raises(DataError) as caught:
            prepare(folder, out)
        return str(caught.value).removeprefix(f"{folder}")

    assert message(tmp_path / "none") == ": expected the folder of a corpus, got nothing"
    expected = ": expected the folder of VoxCeleb1, with dev/wav/ and test/wav/, or wav/, or voxceleb1_wav/ in it; got "
    assert message(tmp_path / "VoxCeleb1" / "dev" / "wav") == expected + "id10001/, id10002/"
    assert message(tmp_path) == expected + "VoxCeleb1/"
    expected = ": expected the folder of VoxCeleb2, with dev/aac/ or test/aac/ in it; got "
    (tmp_path / "empty").mkdir()
    assert message(tmp_path / "empty", prepare_voxceleb2) == expected + "an empty folder"
    touch(tmp_path / "flat" / "dev" / "wav" / "id10001" / "00001.wav")
    assert message(tmp_path / "flat") == (
        f"/dev/wav: expected SPEAKER/VIDEO/NNNNN.wav (or .m4a, .flac); got {tmp_path}/flat/dev/wav/id10001/00001.wav"
    )
    (tmp_path / "bare" / "dev" / "wav" / "id10001").mkdir(parents=True)
    assert message(tmp_path / "bare").endswith(
        "/dev/wav: expected SPEAKER/VIDEO/NNNNN.wav (or .m4a, .flac); got id10001/"
    )


def test_the_other_voxceleb(vox1, out, tmp_path):
    with pytest.raises(
        DataError, match=r"dev/wav: expected speakers of this VoxCeleb, got id10001, who is in the other"
    ):
        prepare_voxceleb2(vox1, out)
    clips(tmp_path / "VoxCeleb2" / "dev" / "wav", ["id00012"])
    with pytest.raises(
        DataError, match=r"dev/wav: expected speakers of this VoxCeleb, got id00012, who is in the other"
    ):
        prepare_voxceleb1(tmp_path / "VoxCeleb2", out)


def test_misplaced_files_are_reported(vox1, out):
    strays = [
        vox1 / "dev" / "wav" / "id10001" / "00003.wav",
        vox1 / "dev" / "wav" / "id10002" / VIDEOS[0] / "more" / "00004.wav",
    ]
    touch(*strays, vox1 / "dev" / "wav" / "._id10003" / "x" / "1.wav", vox1 / "dev" / "wav" / "id10001" / "notes.txt")
    with pytest.warns(PysidWarning, match=r"^2 files of voxceleb1 lie where none are expected: "):
        prepare_voxceleb1(vox1, out)
    assert (out / "voxceleb1.misplaced").read_text().splitlines() == [str(strays[0]), f"{strays[1].parent}/"]
    assert len(Corpus.read(out / "voxceleb1_train")) == 8


def test_voxceleb2_has_capitals_and_plain_paths(tmp_path, out):
    root = tmp_path / "VoxCeleb2"
    clips(root / "dev" / "aac", ["id00012", "id00015"], "m4a")
    clips(root / "test" / "aac", ["id00017"], "m4a")
    (root / "vox2_meta.csv").write_text("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid00012 ,n000012 ,m ,dev \n")
    prepared = prepare_voxceleb2(root, out)
    assert [str(line) for line in prepared] == [
        f"{out}/voxceleb2_train: 2 speakers, 8 utterances",
        f"{out}/voxceleb2_test: 1 speakers, 4 utterances",
    ]
    train = Corpus.read(out / "voxceleb2_train")
    assert train.speakers() == ["ID00012", "ID00015"] and train.genders() == {"ID00012": "m"}
    assert train["ID00012-x6uYqmx31kE-00001"].source == f"{root}/dev/aac/id00012/x6uYqmx31kE/00001.m4a"
    assert errors(out / "voxceleb2_train") == errors(out / "voxceleb2_test") == []


def test_converted_files_go_before_those_for_ffmpeg(tmp_path, out):
    root = tmp_path / "VoxCeleb2"
    clips(root / "dev" / "aac", ["id00012"], "m4a")
    clips(root / "dev" / "wav", ["id00012"])
    touch(root / "dev" / "aac" / "id00012" / VIDEOS[0] / "00001.flac")
    with pytest.warns(PysidWarning, match=r"^5 files of voxceleb2_train have a twin that is used: .* \(all in"):
        prepare_voxceleb2(root, out)
    entries = read_table(out / "voxceleb2_train" / "wav.scp")
    assert len(entries) == 4 and not any(path.endswith(".m4a") for path in entries.values())


def test_durations_only_if_asked(vox1, out):
    for path in vox1.rglob("*.wav"):
        soundfile.write(path, np.zeros(4000 + 100 * int(path.stem), np.int16), 16000)
    broken = vox1 / "dev" / "wav" / "id10001" / VIDEOS[0] / "00002.wav"
    broken.write_text("no audio")
    with pytest.warns(
        PysidWarning, match=r"^1 files of voxceleb1 cannot be read and are left out: id10001-x6uYqmx31kE-"
    ):
        prepare_voxceleb1(vox1, out, durations=True, n_jobs=2)
    train = out / "voxceleb1_train"
    seconds = Corpus.read(train).durations()
    assert len(seconds) == 7 and seconds["id10001-x6uYqmx31kE-00001"] == 4100 / 16000
    assert (train / "utt2dur").read_text() == (train / "reco2dur").read_text()
    prepare_voxceleb1(vox1, out)  # no file is opened, and old durations do not stay
    assert len(Corpus.read(train)) == 8 and not (train / "utt2dur").exists()


def test_a_name_that_is_not_utf8(vox1, out):
    try:
        touch(vox1 / "dev" / "wav" / "id10001" / "caf\udce9_______" / "00001.wav")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    with pytest.raises(DataError, match=r"id10001: expected names in UTF-8, got 'caf"):
        prepare_voxceleb1(vox1, out)


def test_a_name_that_cannot_be_a_key(vox1, out):
    touch(vox1 / "dev" / "wav" / "id10003 (copy)" / VIDEOS[0] / "00001.wav")
    with pytest.raises(DataError, match=r"utt2spk: expected a key without white space"):
        prepare_voxceleb1(vox1, out)
