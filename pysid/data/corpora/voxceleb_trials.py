"""VoxCeleb's trial lists, and its utterances under their names in Kaldi.

    1 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav

becomes `id10270-x6uYqmx31kE-00001 id10270-8jEAjG6SegY-00008 target`. The first release named its speakers, and had
`Eartha_Kitt/x6uYqmx31kE_0000001.wav`, in Kaldi `Eartha_Kitt-x6uYqmx31kE-0000001`. Source: kaldi/egs/voxceleb/v1/local/
make_voxceleb1.pl and make_voxceleb1_v2.pl, which takes lists of the first release to the names of the second.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from pysid.data.corpora.voxceleb_meta import PLACES, Speaker
from pysid.errors import DataError
from pysid.io.tables import Trial
from pysid.io.text import RowFormat, read_rows

LIST_FILES = {
    "veri_test.txt": "o",
    "voxceleb1_test.txt": "o",
    "veri_test2.txt": "o-cleaned",
    "veri_test_cleaned.txt": "o-cleaned",
    "list_test_all.txt": "e",
    "list_test_all2.txt": "e-cleaned",
    "list_test_all_cleaned.txt": "e-cleaned",
    "list_test_hard.txt": "h",
    "list_test_hard2.txt": "h-cleaned",
    "list_test_hard_cleaned.txt": "h-cleaned",
}
SOURCE = "https://mm.kaist.ac.kr/datasets/voxceleb/meta/"
LINE = RowFormat("1|0 speaker/video/segment.wav speaker/video/segment.wav", (3,))
TRUTH = {"1": True, "0": False}
PATH = re.compile(r"([^/\s]+)/([^/\s]+)/(\d+)\.\w+")
OLD_PATH = re.compile(r"([^/\s]+)/(.{11})_(\d{7})\.\w+")
OLD_FILE = re.compile(r"(.{11})_(\d{7})")


class Naming:
    """What Kaldi calls speakers and utterances.

    Args:
        old: of a tree of the first release, not of a later one.
        speakers: {id: speaker}, which takes names of one release to those of the other.
    """

    def __init__(self, old: bool, speakers: Mapping[str, Speaker]) -> None:
        self.old = old
        pairs = [(number, speaker.name) for number, speaker in speakers.items()]
        self._renamed = dict(pairs if old else [(name, number) for number, name in pairs])

    def speaker(self, folder: str) -> str:
        """The speaker whom a tree or a list calls `folder`."""
        return self._renamed.get(folder, folder)

    def utterance(self, speaker: str, video: str, segment: str) -> str:
        """An utterance; segments have seven digits in the first release, later five.

        Args:
            speaker: as this object calls them.
            video: name of the folder.
            segment: number of the clip, as its file has it.
        """
        return f"{speaker}-{video}-{segment.zfill(7) if self.old else segment[-5:]}"

    def of_path(self, path: str) -> tuple[str, str]:
        """The speaker and the utterance of a path in a trial list. Raises ValueError."""
        match = OLD_PATH.fullmatch(path) or PATH.fullmatch(path)
        if match is None:
            raise ValueError(f"expected 'speaker/video/segment.wav', got {path!r}")
        speaker = self.speaker(match[1])
        return speaker, self.utterance(speaker, match[2], match[3])


def find_lists(folder: Path) -> dict[str, Path]:
    """{"o": path, "o-cleaned": ..., "e", "h", ...} of the lists in or beside the folder of VoxCeleb1."""
    lists: dict[str, Path] = {}
    for place in PLACES:
        for name, title in LIST_FILES.items():
            if (path := folder / place / name).is_file():
                lists.setdefault(title, path)
    return lists


def list_title(path: Path) -> str:
    """What a list is called, by the name of its file; its own name where it is not one of VoxCeleb1's."""
    return LIST_FILES.get(path.name, path.stem)


def read_voxceleb_trials(path: Path, naming: Naming) -> tuple[list[Trial], set[str]]:
    """The trials of a list under Kaldi's names, in its order, and their speakers.

    Raises:
        DataError: the file cannot be read or has no trials, or a line is not one.
    """
    trials, speakers = [], set()
    seen: dict[str, str] = {}  # a path stands in many trials
    for number, (label, *paths) in read_rows(path, LINE):
        try:
            if label not in TRUTH:
                raise ValueError(f"expected 1 or 0 first, got {label!r}")
            for one in paths:
                if one not in seen:
                    speaker, seen[one] = naming.of_path(one)
                    speakers.add(speaker)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        trials.append(Trial(seen[paths[0]], seen[paths[1]], TRUTH[label]))
    if not trials:
        raise DataError(f"{path}: expected trials, got none")
    return trials, speakers
