"""NIST's CTM: one line per word, `recording channel start duration word [confidence [type [speaker]]]`, times in
seconds.

Kaldi's and sclite's; a comment begins with ";;". The words of several channels are put in order of time.
Source: https://www.nist.gov/itl/iad/mig/tools, sclite's infmts.htm#ctm_fmt_name_0.
"""

from collections import defaultdict

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.table_formats import finite
from pysid.io.text import RowFormat
from pysid.io.turns.nist import one_words, read_nist_rows, seconds
from pysid.transcript.words import Word, in_order

NAME = "CTM"
LINE = RowFormat("recording channel start duration word [confidence]", range(5, 9))
NOT_A_WORD = frozenset({"<eps>", "<sil>", "SIL", "<DOT>", "<ALT>", "<ALT_BEGIN>", "<ALT_END>", "@"})


def read_ctm(path: PathLike, recording: str | None = None) -> list[Word]:
    """The words of one recording of a CTM.

    Args:
        recording: its name; None takes the only one.
    Raises:
        DataError: the file cannot be read, a line has another form, or there is no such recording, or several.
    """
    words: dict[str, list[Word]] = defaultdict(list)
    for number, fields in read_nist_rows(path, LINE):
        try:
            start_s = seconds(fields[2], "a start")
            end_s = round(start_s + seconds(fields[3], "a duration"), 6)
            has_confidence = len(fields) > 5 and fields[5].upper() not in ("NA", "<NA>")
            confidence = finite(fields[5], "a confidence") if has_confidence else None
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        of_recording = words[fields[0]]
        if fields[4] not in NOT_A_WORD:
            of_recording.append(Word(start_s, max(start_s, end_s), fields[4], confidence))
    return in_order(words[_choose(path, list(words), recording)]) if words else []


def _choose(path: PathLike, names: list[str], recording: str | None) -> str:
    if recording is None or len(names) == 1:
        if len(names) > 1:
            raise DataError(f"{path}: expected the words of one recording, got those of {', '.join(names[:5])}")
        return names[0]
    for name in (recording, one_words([recording])[recording]):
        if name in names:
            return name
    raise DataError(f"{path}: expected words of the recording {recording!r}, got those of {', '.join(names[:5])}")
