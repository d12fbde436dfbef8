"""Room responses of RIRS_NOISES (https://www.openslr.org/28/): Kaldi's lists of them, with absolute paths.

A line of a list is `--rir-id small-Room001-00001 --room-id small-Room001 RIRS_NOISES/simulated_rirs/smallroom/Room001/
Room001-00001.wav`; Kaldi reads it in the folder above RIRS_NOISES only (steps/data/reverberate_data_dir.py).
"""

import os
import shlex
from pathlib import Path, PurePosixPath

from pysid.augment.responses import read_rir_list
from pysid.data.corpora.directories import Prepared, report
from pysid.data.corpora.trees import wrong_folder
from pysid.errors import DataError
from pysid.io.text import read_lines, write_lines

LIST = "rir_list"
SETS = (
    "simulated_rirs/smallroom",
    "simulated_rirs/mediumroom",
    "simulated_rirs/largeroom",
    "real_rirs_isotropic_noises",
)


def prepare_rirs(folder: Path, out: Path) -> list[Prepared]:
    """Writes `OUT/simulated_rirs/smallroom/rir_list` and the others that there are, with absolute paths.

    All options of a line, such as its room, stay as they are.

    Args:
        folder: RIRS_NOISES, under whatever name.
    Raises:
        DataError: there is no list, a list is malformed, or none of its responses is there.
    Warns:
        PysidWarning: responses that are not there; they are left out.
    """
    present = [name for name in SETS if (folder / name / LIST).is_file()]
    if not present:
        if not folder.is_dir():
            raise DataError(
                f"{folder}: expected the folder RIRS_NOISES, got {'a file' if folder.exists() else 'nothing'}"
            )
        raise wrong_folder(folder, f"the folder RIRS_NOISES, with {SETS[0]}/{LIST} in it")
    prepared = []
    for name in present:
        source = folder / name / LIST
        read_rir_list(source)  # checks the form of the list
        lines, missing = [], []
        for _, line in read_lines(source):
            *options, location = shlex.split(line.decode())
            path = _locate(location, folder, source.parent)
            if path is None:
                missing.append(location)
            else:
                lines.append(shlex.join([*options, path]))
        if not lines:
            raise DataError(f"{source}: expected responses in {folder}, got none, not even {missing[0]}")
        target = out / name / LIST
        report(target.with_name(f"{LIST}.missing"), f"responses of {source} are not there", missing)
        write_lines(target, lines)
        prepared.append(Prepared(target, {"room responses": len(lines)}))
    return prepared


def _locate(location: str, folder: Path, beside: Path) -> str | None:
    """Where a response is: in the folder, whatever that is called now, beside its list, or at an absolute path."""
    inside = PurePosixPath(location).relative_to(PurePosixPath(location).parts[0])
    for candidate in (folder / inside, folder.parent / location, beside / location):
        if candidate.is_file():
            return os.path.abspath(candidate)
    return None
