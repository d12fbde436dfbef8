"""What is said on a main line of CHAT, without the marks of the transcription.

Source: MacWhinney, "The CHAT Transcription Format", chapters 8 to 12.
"""

# ruff: noqa: RUF001  marks that look like others, and are meant

import re
import unicodedata

UNTRANSCRIBED = frozenset({"xxx", "yyy", "www"})  # is spoken, but there are no words
TERMINATORS = {
    "+...": "…",
    "+..?": "?",
    "+!?": "?",
    "+/.": "–",
    "+//.": "–",
    "+/?": "?",
    "+//?": "?",
    '+"/.': ".",
    '+".': ".",
    "+.": ".",
}
_ATTRIBUTE = re.compile("\x02.")  # of CLAN's editor: underlined and the like
_ASIDE = re.compile(
    r"\(\([^()]*\)\)"  # ((coughs)), in conversation analysis
    r"|\[[^\[\]]*\]"  # codes: [//], [= what is meant], [>], [+ trn]
    r"|\((?:\.{1,3}|[\d:]+(?:\.\d*)?)\)"  # pauses: (.), (1.5), (1:05.2)
)
_NOT_SPOKEN = re.compile(
    r"&[=*{}].*"  # &=laughs; &*MOT:mhm, which somebody else says
    r"|0(?:[^\W\d_].*)?"  # 0, when nothing is said; 0is, what should have been; but 0.5 is a number
    r"|\#+[\d:_.long]*"  # old pauses
    r"|\+(?:\"|\^|<|,|\+|≋|≈)"  # links with what was said before
)
_OVERLAP = re.compile(r"[⌈⌉⌊⌋]\d?")
_LONG = re.compile(r"(?<=[^\W\d]):+(?![^\W_])|(?<=[^\W\d]):+(?=[^\W\d])")  # no:, ba:nana
_ENDING = re.compile(r"(?<=\w)(?:@[a-z]+(?:[:$&+][\w$:&+]*)?|\$[\w:]+)$")  # hola@s:spa, go$v
_FRAGMENT = re.compile(r"^<?&\+([^\W\d]+)")  # &+th, that breaks off
_MARKS = re.compile("[‹›〔〕⁎§]")
_SPACED = re.compile(r" +(?=[,.;:?!…–]+(?: |$))")
_ALONE = frozenset(',.;:?!…–“”"')
_COMMA = str.maketrans({"‡": ",", "„": ","})


def spoken(text: str) -> str:
    """The words, "xxx" where they are not known, and punctuation; empty where nothing is said.

    Args:
        text: of a main line or a part of one, without its bullets.

    >>> spoken("<the dog> [/] the (.) do:g [>] &=laughs ran@c (a)way , &-uh &+th +...")
    'the dog the dog ran away, uh th-…'
    """
    text = _ASIDE.sub(" ", _ATTRIBUTE.sub("", text).translate(_COMMA))
    words = [_word(token) for token in text.split()]
    return _SPACED.sub("", " ".join(word for word in words if word)).strip()


def is_speech(text: str) -> bool:
    """Whether a line is of somebody speaking: it has words, "xxx" or the like, or is still to be filled.

    >>> [is_speech(text) for text in ("xxx .", "", "0 [=! crying] .", "(1.2)", "&=coughs .")]
    [True, True, False, False, False]
    """
    return not text.strip() or any(x.isalnum() for x in spoken(text))


def _word(token: str) -> str:
    if token in TERMINATORS:
        return TERMINATORS[token]
    if _NOT_SPOKEN.fullmatch(token.lstrip("<")):
        return ""
    word = _MARKS.sub("", _OVERLAP.sub("", _FRAGMENT.sub(r"\1-", token)))
    word = re.sub(r"^<?&[-~]?", "", word)
    word = word.replace("(", "").replace(")", "").replace("+", " ").replace("_", " ")
    word = "".join(x for x in word if unicodedata.category(x) not in ("Cc", "Sm", "So", "Sk"))
    word = _LONG.sub("", _ENDING.sub("", word)).strip()
    return word if set(word) <= _ALONE or any(x.isalnum() for x in word) else ""
