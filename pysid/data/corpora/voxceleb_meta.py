"""vox1_meta.csv and vox2_meta.csv: who the speakers of VoxCeleb are.

Columns: the speaker's id in VoxCeleb, a name (VoxCeleb1) or an id in VGGFace2, gender, nationality (VoxCeleb1 only),
set. They are separated by tabs or commas, with blanks around them in some copies.
"""

from dataclasses import dataclass
from pathlib import Path

from pysid.errors import DataError
from pysid.io.text import BYTE_ORDER_MARK, read_lines, shorten

PLACES = ("", "meta", "..")  # where people put it, seen from the folder of the corpus


@dataclass(frozen=True)
class Speaker:
    """A speaker; `name` is that of the first release of VoxCeleb1, such as `Eartha_Kitt`."""

    name: str
    gender: str | None
    is_test: bool


def find_meta(folder: Path, name: str) -> Path | None:
    """The file of that name in or beside the folder of a corpus, if there is one."""
    return next((path for place in PLACES if (path := folder / place / name).is_file()), None)


def read_meta(path: Path) -> dict[str, Speaker]:
    """{id: speaker}.

    Raises:
        DataError: the file cannot be read, the heading has no gender or set, a line is cut off, a gender is neither m
            nor f, or a speaker comes twice.
    """
    speakers: dict[str, Speaker] = {}
    columns: list[str] = []
    separator = ","
    for number, line in read_lines(path):
        text = line.removeprefix(BYTE_ORDER_MARK).decode(errors="replace").strip()
        if not columns:
            separator = "\t" if "\t" in text and "," not in text else ","
        fields = [field.strip() for field in text.split(separator)]
        if not columns:
            columns = [field.lower() for field in fields]
            if not {"gender", "set"} <= set(columns) or len(columns) < 4:
                raise DataError(
                    f"{path}:{number}: expected the columns id, name, Gender, ..., Set, got {shorten(text)}"
                )
        elif text:
            if len(fields) < len(columns):
                raise DataError(f"{path}:{number}: expected {len(columns)} columns as in line 1, got {shorten(text)}")
            if fields[0] in speakers:
                raise DataError(f"{path}:{number}: expected each speaker once, got {fields[0]!r} again")
            row = dict(zip(columns, fields, strict=False))
            if row["gender"] not in ("m", "f", ""):
                raise DataError(f"{path}:{number}: expected the gender m or f, got {row['gender']!r}")
            speakers[fields[0]] = Speaker(fields[1], row["gender"] or None, row["set"].lower().startswith("test"))
    if not speakers:
        raise DataError(f"{path}: expected speakers, got none")
    return speakers
