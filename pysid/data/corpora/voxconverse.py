"""VoxConverse for diarization: clips of news and debates with their RTTM files.

Audio: https://www.robots.ox.ac.uk/~vgg/data/voxconverse/, references: https://github.com/joonson/voxconverse.
"""

from pathlib import Path

from pysid.data.corpora.directories import Meeting, Prepared, report, write_meetings
from pysid.data.corpora.trees import Recordings, check_any_found, existing, walk_audio
from pysid.errors import DataError
from pysid.io.turns.rttm import read_rttm_folder

SPLITS = ("dev", "test")


def prepare_voxconverse(audio: Path, references: Path, out: Path) -> list[Prepared]:
    """Writes `OUT/voxconverse_dev` and `OUT/voxconverse_test`, those of which there is audio.

    Args:
        audio: a folder in or anywhere below which the recordings lie, `abjxc.wav` and others.
        references: the repository, with `dev` and `test` in it.
    Raises:
        DataError: no audio, no references, or not one recording that has both; or a file is malformed.
    Warns:
        PysidWarning: references without audio in a part of which there is some, and recordings of the same name.
    """
    folders = [folder for folder in existing(references, SPLITS) if any(folder.glob("*.rttm"))]
    if not folders:
        raise DataError(f"{references}: expected dev/ or test/ with .rttm files in it, got none")
    existing(audio, ())
    recordings = Recordings()
    for stem, path in walk_audio(audio.absolute()):
        recordings.add(stem, path)
    check_any_found(audio, len(recordings), "audio files, in it or below it", ())
    report(out / "voxconverse.duplicates", f"files of {audio} have the name of another", recordings.duplicates)
    prepared = []
    for folder in folders:
        turns = read_rttm_folder(folder)
        present = {name: Meeting(recordings[name], of_name) for name, of_name in turns.items() if name in recordings}
        if present:
            missing = [name for name in turns if name not in present]
            report(out / f"voxconverse_{folder.name}.missing", f"recordings of {folder} are not in {audio}", missing)
            prepared.append(write_meetings(out / f"voxconverse_{folder.name}", present))
    if not prepared:
        raise DataError(
            f"{audio}: expected recordings of {folders[0]}, got none of them, but {next(iter(recordings))!r}"
        )
    return prepared
