"""Names of languages: the two letters of ISO 639-1, which recognisers use, and the three of ISO 639-3, as in CHAT."""

UNKNOWN = "und"

# Those that Whisper knows, with its own "jw" for Javanese.
_CODES = """
af afr am amh ar ara as asm az aze ba bak be bel bg bul bn ben bo bod br bre bs bos ca cat cs ces cy cym da dan de deu
el ell en eng es spa et est eu eus fa fas fi fin fo fao fr fra gl glg gu guj ha hau he heb hi hin hr hrv ht hat hu hun
hy hye id ind is isl it ita ja jpn jw jav jv jav ka kat kk kaz km khm kn kan ko kor la lat lb ltz ln lin lo lao lt lit
lv lav mg mlg mi mri mk mkd ml mal mn mon mr mar ms msa mt mlt my mya ne nep nl nld nn nno no nor oc oci pa pan pl pol
ps pus pt por ro ron ru rus sa san sd snd si sin sk slk sl slv sn sna so som sq sqi sr srp su sun sv swe sw swa ta tam
te tel tg tgk th tha tk tuk tl tgl tr tur tt tat uk ukr ur urd uz uzb vi vie yi yid yo yor zh zho
""".split()  # noqa: SIM905  a list would take 200 lines
THREE_LETTERS = dict(zip(_CODES[::2], _CODES[1::2], strict=True))
TWO_LETTERS = {three: two for two, three in THREE_LETTERS.items()}


def three_letters(language: str | None) -> str:
    """The code of a language in ISO 639-3; "und" where it is not known.

    >>> three_letters("en-US"), three_letters("yue"), three_letters("klingon"), three_letters(None)
    ('eng', 'yue', 'und', 'und')
    """
    code = (language or "").lower().replace("_", "-").partition("-")[0]
    is_three = len(code) == 3 and code.isascii() and code.isalpha()
    return code if is_three else THREE_LETTERS.get(code, UNKNOWN)


def two_letters(language: str | None) -> str | None:
    """The code of a language in ISO 639-1, where it has one that is known here; others as they are.

    >>> two_letters("eng"), two_letters("yue")
    ('en', 'yue')
    """
    return None if language is None else TWO_LETTERS.get(language, language)
