"""MUSAN, noise to augment with: three data directories of speech, music and noise.

Sources: Snyder, Chen and Povey, "MUSAN: A Music, Speech, and Noise Corpus", arXiv:1510.08484;
kaldi/egs/voxceleb/v1/local/make_musan.py and egs/wsj/s5/steps/data/make_musan.sh.
"""

from collections.abc import Mapping
from pathlib import Path

from pysid.data.corpora.directories import Prepared, read_durations, report, write_data_directory
from pysid.data.corpora.trees import Recordings, check_any_found, existing, walk_audio, wrong_folder
from pysid.errors import DataError
from pysid.io.text import ANY_NUMBER, RowFormat, read_rows

KINDS = ("speech", "music", "noise")
ANNOTATION = RowFormat("recording genres Y|N musician", ANY_NUMBER[3:])


def prepare_musan(folder: Path, out: Path, *, use_vocals: bool = True, n_jobs: int = 1) -> list[Prepared]:
    """Writes `OUT/musan_speech`, `OUT/musan_music` and `OUT/musan_noise`.

    Each recording is a speaker of its own. utt2dur and reco2dur, which augmentation needs, are written too.

    Args:
        folder: with `speech`, `music` and `noise`.
        use_vocals: whether music in which somebody sings is used too. Music without an annotation is not used, as in
            Kaldi.
        n_jobs: threads that look at the headers of the files.
    Raises:
        DataError: a part is missing or has no audio, or an annotation is malformed.
    Warns:
        PysidWarning: annotations without audio, audio without annotation, repeated names, unreadable files.
    """
    parts = existing(folder, KINDS)
    if len(parts) < len(KINDS):
        raise wrong_folder(folder, "the folder of MUSAN, with speech/, music/ and noise/ in it")
    prepared = []
    for kind, part in zip(KINDS, parts, strict=True):
        directory = out / f"musan_{kind}"
        recordings = Recordings()
        for stem, path in walk_audio(part):
            recordings.add(stem, path)
        check_any_found(part, len(recordings), "audio files", ())
        report(directory.with_suffix(".duplicates"), f"files of {part} have the name of another", recordings.duplicates)
        wav_scp: Mapping[str, str] = recordings
        if kind == "music":
            wav_scp = _annotated(part, recordings, use_vocals, directory)
        seconds, skipped = read_durations(wav_scp, str(part), n_jobs)
        unreadable = [f"{key} {reason}" for key, reason in skipped.reasons.items()]
        report(directory.with_suffix(".unreadable"), f"files of {part} cannot be read and are left out", unreadable)
        if not seconds:
            raise DataError(f"{part}: expected recordings to use, got none")
        readable = {key: wav_scp[key] for key in seconds}
        written = write_data_directory(directory, readable, {key: key for key in readable}, durations=seconds)
        minutes = round(sum(seconds.values()) / 60)
        prepared.append(Prepared(written.path, {"recordings": len(readable), "minutes": minutes}))
    return prepared


def read_annotations(path: Path) -> dict[str, bool]:
    """{piece of music: whether somebody sings in it} of a file ANNOTATIONS.

    Raises:
        DataError: the file cannot be read, or a line is cut off.
    """
    return {fields[0]: fields[2] == "Y" for _, fields in read_rows(path, ANNOTATION)}


def _annotated(part: Path, recordings: Recordings, use_vocals: bool, directory: Path) -> dict[str, str]:
    """The annotated music, all or that without vocals; what has no twin is reported."""
    vocals: dict[str, bool] = {}
    for path in sorted(part.rglob("ANNOTATIONS")):
        vocals |= read_annotations(path)
    if not vocals:
        raise DataError(f"{part}: expected files ANNOTATIONS beside the music, got none")
    without_audio = [name for name in vocals if name not in recordings]
    report(directory.with_suffix(".missing"), f"pieces of music in ANNOTATIONS of {part} are not there", without_audio)
    unknown = [path for name, path in recordings.items() if name not in vocals]
    report(directory.with_suffix(".unknown"), "pieces of music are in no ANNOTATIONS and are left out", unknown)
    return {name: recordings[name] for name, sung in vocals.items() if name in recordings and (use_vocals or not sung)}
