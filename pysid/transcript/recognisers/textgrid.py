"""Words in a Praat TextGrid, as the Montreal Forced Aligner, WebMAUS and others write it: tiers called "words".

"Words", "word", "ORT-MAU" and "anna - words", of which there may be several, are such names too; the only tier is
taken whatever it is called. Intervals that stand for silence are skipped.
"""

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.turns.textgrid import Tier, read_tiers
from pysid.transcript.words import Word, in_order

NAMES = ("words", "word", "ort-mau", "ort")
SILENCE = frozenset({"", "<eps>", "sil", "sp", "spn", "<p:>", "<sil>", "#", "<unk>"})


def read_textgrid_words(path: PathLike) -> list[Word]:
    """The words of all such tiers.

    Raises:
        DataError: see `pysid.io.turns.textgrid.read_tiers`; or no tier is one of words.
    """
    words = []
    for tier in _word_tiers(path, read_tiers(path)):
        words += [Word(a, b, text.strip()) for a, b, text in tier.intervals if text.strip().lower() not in SILENCE]
    return in_order(words)


def _word_tiers(path: PathLike, tiers: list[Tier]) -> list[Tier]:
    found = [tier for tier in tiers if tier.name.lower().rpartition(" - ")[2].strip() in NAMES]
    if found or len(tiers) == 1:
        return found or tiers
    names = ", ".join(repr(tier.name) for tier in tiers[:5]) or "no tier"
    raise DataError(f"{path}: expected a tier called 'words', got {names}")
