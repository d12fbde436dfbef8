"""VoxCeleb1 and VoxCeleb2 as Kaldi data directories, with the names of Kaldi's recipe.

Sources: kaldi/egs/voxceleb/v1/local/make_voxceleb1.pl, make_voxceleb1_v2.pl and make_voxceleb2.pl. Unlike there,
wav.scp has the paths of m4a files, no shell pipes; and trials without audio are left out and reported.
"""

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pysid.data.corpora.directories import Prepared, read_durations, report, write_data_directory
from pysid.data.corpora.trees import Recordings, audio_files, check_any_found, existing, wrong_folder
from pysid.data.corpora.voxceleb_meta import Speaker, find_meta, read_meta
from pysid.data.corpora.voxceleb_trials import OLD_FILE, SOURCE, Naming, find_lists, list_title, read_voxceleb_trials
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import Trial, write_trials

TRAIN_1 = ("dev/wav", "vox1_dev_wav/wav")
TEST_1 = ("test/wav", "vox1_test_wav/wav")
BOTH_1 = ("wav",)  # both archives unpacked in one place
OLD_1 = ("voxceleb1_wav",)
TRAIN_2 = ("dev/aac", "dev/wav", "vox2_dev_aac/dev/aac", "vox2_dev_wav/dev/aac")
TEST_2 = ("test/aac", "test/wav", "vox2_test_aac/aac", "vox2_test_wav/aac")
FOREIGN_1, FOREIGN_2 = "id0", "id1"  # VoxCeleb1 has id10001 to id11251, VoxCeleb2 id00012 to id09272
LEVELS = "SPEAKER/VIDEO/NNNNN.wav (or .m4a, .flac)"
OLD_LEVELS = "SPEAKER/VIDEO_NNNNNNN.wav"


@dataclass
class Found:
    """The utterances of some trees, and what about them is to be reported."""

    wav_scp: Recordings = field(default_factory=Recordings)
    utt2spk: dict[str, str] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)

    def add(self, speaker: str, utterance: str, path: str) -> None:
        """Adds an utterance with its speaker.

        Args:
            speaker, utterance: their names, as Kaldi has them.
            path: of the audio.
        """
        self.wav_scp.add(utterance, path)
        self.utt2spk[utterance] = sys.intern(speaker)

    def write(
        self,
        directory: Path,
        utterances: Iterable[str],
        genders: Mapping[str, str],
        durations: Mapping[str, float] | None,
    ) -> Prepared:
        """Writes a data directory of some of the utterances.

        Args:
            directory: made if it is not there.
            utterances: which; all of them must have been added.
            genders: {speaker: m or f}.
            durations: {utterance: seconds}, or None.
        """
        wav_scp = {key: self.wav_scp[key] for key in utterances}
        return write_data_directory(directory, wav_scp, self.utt2spk, genders=genders, durations=durations)


def prepare_voxceleb1(
    folder: Path,
    out: Path,
    *,
    trials: Sequence[Path] = (),
    meta: Path | None = None,
    durations: bool = False,
    n_jobs: int = 1,
) -> list[Prepared]:
    """Writes `OUT/voxceleb1_train` and `OUT/voxceleb1_test`, and for trials over all speakers `OUT/voxceleb1`.

    The test speakers are those of the list O, as in Kaldi, and those in the folder `test`; all others are for training.
    `trials` in voxceleb1_test is the original list O, as in Kaldi, or else the cleaned one. Lists lie under their own
    names too: trials-o and trials-o-cleaned in voxceleb1_test, trials-e, trials-h and others in voxceleb1.

    Args:
        folder: with `dev/wav` and `test/wav`, or `wav` for both, or `voxceleb1_wav` of the first release.
        trials: VoxCeleb's lists; by default those in or beside `folder` are taken.
        meta: vox1_meta.csv; by default that in or beside `folder`, if there is one.
        durations: whether to open all files, for utt2dur and reco2dur; what cannot be read is left out.
        n_jobs: threads for that.
    Raises:
        DataError: no audio where it should be, a malformed list, or no way to tell the test speakers.
    Warns:
        PysidWarning: misplaced, repeated or unreadable files, trials without audio; each names the file that lists all.
    """
    meta = meta or find_meta(folder, "vox1_meta.csv")
    speakers = read_meta(meta) if meta else {}
    lists = {list_title(path): path for path in trials} if trials else find_lists(folder)
    if len(lists) < len(trials):
        raise DataError(
            f"{trials[0]}: expected lists of different names, got {', '.join(path.name for path in trials)}"
        )
    naming, found, test_speakers = _find_voxceleb1(folder, speakers)
    read = {title: read_voxceleb_trials(path, naming) for title, path in lists.items()}
    of_lists = {speaker for title, (_, named) in read.items() if title.startswith("o") for speaker in named}
    of_meta = {naming.speaker(number) for number, speaker in speakers.items() if speaker.is_test}
    test_speakers |= of_lists or (set() if test_speakers else of_meta)
    if not test_speakers:
        raise DataError(
            f"{folder}: expected veri_test.txt, or vox1_meta.csv, which name the speakers of the test; "
            f"get it from {SOURCE}"
        )
    genders = {naming.speaker(number): speaker.gender for number, speaker in speakers.items() if speaker.gender}
    seconds = _report_and_measure(found, out, "voxceleb1", durations, n_jobs)
    splits: dict[str, list[str]] = {"voxceleb1_train": [], "voxceleb1_test": []}
    for utterance, speaker in found.utt2spk.items():
        splits["voxceleb1_test" if speaker in test_speakers else "voxceleb1_train"].append(utterance)
    if any(not title.startswith("o") for title in read):
        splits["voxceleb1"] = list(found.utt2spk)
    prepared = [found.write(out / name, ids, genders, seconds) for name, ids in splits.items() if ids]
    kaldis = next((title for title in ("o", "o-cleaned") if title in read), None)
    for title, (of_list, _) in read.items():
        directory = out / ("voxceleb1_test" if title.startswith("o") else "voxceleb1")
        kept = _with_audio(of_list, found.wav_scp, directory / f"trials-{title}")
        for name in (f"trials-{title}", "trials")[: 1 + (title == kaldis)]:
            write_trials(directory / name, kept)
            prepared.append(_counted(directory / name, kept))
    if not lists:
        message = f"{folder}: no trial list such as veri_test.txt; get some from {SOURCE}"
        warnings.warn(message, PysidWarning, stacklevel=2)
    return prepared


def prepare_voxceleb2(
    folder: Path, out: Path, *, meta: Path | None = None, durations: bool = False, n_jobs: int = 1
) -> list[Prepared]:
    """Writes `OUT/voxceleb2_train` and `OUT/voxceleb2_test`, or whichever of them is there.

    Kaldi writes the speakers in capitals, `ID00012`, which keeps them apart from VoxCeleb1's. Arguments, errors and
    warnings are as of `prepare_voxceleb1`; `folder` has `dev/aac` and `test/aac`, or `dev/wav` and `test/wav`.

    Args:
        folder: of the corpus.
        out: where to.
        meta: vox2_meta.csv; None looks for it in and beside the folder.
        durations: read them from the headers.
        n_jobs: threads that do so.
    """
    meta = meta or find_meta(folder, "vox2_meta.csv")
    speakers = read_meta(meta) if meta else {}
    genders = {number.upper(): speaker.gender for number, speaker in speakers.items() if speaker.gender}
    prepared = []
    for name, places in (("voxceleb2_train", TRAIN_2), ("voxceleb2_test", TEST_2)):
        trees = existing(folder, places)
        if not trees:
            continue
        found = Found()
        for tree in trees:
            _collect(tree, found, str.upper, FOREIGN_2)
        seconds = _report_and_measure(found, out, name, durations, n_jobs)
        prepared.append(found.write(out / name, found.wav_scp, genders, seconds))
    if not prepared:
        raise wrong_folder(folder, "the folder of VoxCeleb2, with dev/aac/ or test/aac/ in it")
    return prepared


def _find_voxceleb1(folder: Path, speakers: Mapping[str, Speaker]) -> tuple[Naming, Found, set[str]]:
    """How the tree names things, its utterances, and the speakers in folders of the test."""
    later, old = existing(folder, (*TRAIN_1, *TEST_1, *BOTH_1)), existing(folder, OLD_1)
    if not later and not old:
        places = "dev/wav/ and test/wav/, or wav/, or voxceleb1_wav/"
        raise wrong_folder(folder, f"the folder of VoxCeleb1, with {places} in it")
    naming, found, test_speakers = Naming(not later, speakers), Found(), set[str]()
    for tree in later:
        in_tree = _collect(tree, found, naming.speaker, FOREIGN_1)
        if tree in existing(folder, TEST_1):
            test_speakers |= in_tree
    for tree in old if naming.old else ():
        _collect_old(tree, found, naming)
    return naming, found, test_speakers


def _collect(tree: Path, found: Found, speaker_of: Callable[[str], str], foreign: str) -> set[str]:
    """Adds the utterances of a tree of later releases; returns its speakers. Refuses the other VoxCeleb."""
    speakers, n_before, n_strays = set(), len(found.utt2spk) + len(found.wav_scp.duplicates), len(found.strays)
    for (name, video, segment), path in audio_files(tree, 3, found.strays):
        if name.startswith(foreign):
            raise DataError(f"{tree}: expected speakers of this VoxCeleb, got {name}, who is in the other one")
        speaker = speaker_of(name)
        speakers.add(speaker)
        found.add(speaker, f"{speaker}-{video}-{segment}", path)
    n_found = len(found.utt2spk) + len(found.wav_scp.duplicates) - n_before
    check_any_found(tree, n_found, LEVELS, found.strays[n_strays:])
    return speakers


def _collect_old(tree: Path, found: Found, naming: Naming) -> None:
    """Adds the utterances of a tree of the first release."""
    for (name, stem), path in audio_files(tree, 2, found.strays):
        match = OLD_FILE.fullmatch(stem)
        if match is None:
            found.strays.append(path)
            continue
        speaker = naming.speaker(name)
        found.add(speaker, naming.utterance(speaker, match[1], match[2]), path)
    check_any_found(tree, len(found.utt2spk), OLD_LEVELS, found.strays)


def _report_and_measure(found: Found, out: Path, name: str, durations: bool, n_jobs: int) -> dict[str, float] | None:
    """Reports what is odd about the trees; measures the utterances, if asked, and drops those that cannot be read."""
    report(out / f"{name}.misplaced", f"files of {name} lie where none are expected", found.strays)
    report(out / f"{name}.duplicates", f"files of {name} have a twin that is used", found.wav_scp.duplicates)
    if not durations:
        return None
    seconds, skipped = read_durations(found.wav_scp, name, n_jobs)
    unreadable = [f"{key} {reason}" for key, reason in skipped.reasons.items()]
    report(out / f"{name}.unreadable", f"files of {name} cannot be read and are left out", unreadable)
    for key in skipped.reasons:
        del found.wav_scp[key], found.utt2spk[key]
    return seconds


def _with_audio(trials: Sequence[Trial], known: Mapping[str, str], path: Path) -> list[Trial]:
    """The trials whose audio is there; the others, and those that are repeated, are reported beside `path`."""
    kept = [trial for trial in trials if trial.enrol in known and trial.test in known]
    missing = {key for trial in trials for key in (trial.enrol, trial.test)}.difference(known)
    lost = f"utterances of {len(trials) - len(kept)} of {len(trials)} trials are not there"
    report(path.with_name(f"{path.name}.missing"), lost, sorted(missing))
    counts = Counter((trial.enrol, trial.test) for trial in kept)
    again = [f"{enrol} {test}" for (enrol, test), count in counts.items() if count > 1]
    report(path.with_name(f"{path.name}.duplicates"), f"trials of {path.name} are repeated, and are kept", again)
    return kept


def _counted(path: Path, trials: Sequence[Trial]) -> Prepared:
    n_target = sum(trial.is_target is True for trial in trials)
    return Prepared(path, {"target trials": n_target, "nontarget trials": len(trials) - n_target})
