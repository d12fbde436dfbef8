"""What goes wrong with other people's data, reported in one line that names the place."""

from collections.abc import Iterator
from contextlib import contextmanager


def one_line(error: object) -> str:
    """The message of an error, on one line.

    >>> one_line(ValueError("line 3:  no number "))
    'line 3: no number'
    """
    return " ".join(str(error).split())


class DataError(ValueError):
    """Bad data or a missing file. The message is one line: where, what was expected, what came."""


class MissingExtra(DataError, ImportError):
    """A package that an optional part of pysid needs is not installed; the message has the command that installs it."""


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Turns a failed import inside the block into one line that names the extra.

    Args:
        what: what needs it, the beginning of the message.
        extra: its name in setup.cfg.
    Raises:
        MissingExtra: something imported inside the block is not installed.

    >>> with needs_extra("a duet", "music"):
    ...     import no_such_package
    Traceback (most recent call last):
    pysid.errors.MissingExtra: a duet needs the package no_such_package: pip install 'pysid[music]'
    """
    try:
        yield
    except ImportError as error:
        package = f"the package {error.name.partition('.')[0]}" if error.name else f"other packages ({one_line(error)})"
        raise MissingExtra(f"{what} needs {package}: pip install 'pysid[{extra}]'") from None


class PysidWarning(UserWarning):
    """Something a user should look at, but that does not stop the work."""


def shown(name: object) -> str:
    r"""A name from a user's file, made safe for a terminal: without line ends, escape codes and half characters.

    >>> shown("a\nb\x1b[31m\udce9")
    'a\\nb\\x1b[31m\\xe9'
    """
    return "".join(x if x.isprintable() else _escaped(x) for x in str(name))


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8, as Python represents it in file names
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


class Skipped:
    """The utterances that a corpus run had to leave out, with the reason for each.

    >>> skipped = Skipped()
    >>> with skipped.on_error("utt1"):
    ...     raise DataError("a.wav: no samples")
    >>> print(skipped.summary(n_total=10))
    skipped 1 of 10 utterances:
      utt1: a.wav: no samples
    """

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.reasons)

    def __contains__(self, utterance: str) -> bool:
        return utterance in self.reasons

    def add(self, utterance: str, reason: object) -> None:
        """Records that `utterance` is left out; `reason` is kept as one line."""
        self.reasons[utterance] = one_line(reason)

    @contextmanager
    def on_error(self, utterance: str) -> Iterator[None]:
        """Turns a `DataError` or a lack of memory inside the block into a skipped utterance; other errors are bugs."""
        try:
            yield
        except DataError as error:
            self.add(utterance, str(error).removeprefix(f"{utterance}: "))
        except MemoryError:
            self.add(utterance, "there is not enough memory for it")
        except RuntimeError as error:
            if "not enough memory" not in str(error) and "out of memory" not in str(error):
                raise
            self.add(utterance, "there is not enough memory for it")

    def brief(self) -> str:
        """One line: how many, and the first with its reason."""
        if not self.reasons:
            return "no utterance was skipped"
        key, reason = next(iter(self.reasons.items()))
        return f"{len(self)} skipped, the first is {shown(key)}: {reason}"

    def summary(self, n_total: int, limit: int = 20) -> str:
        """The closing lines of a corpus run: a count, then at most `limit` utterances with their reasons."""
        lines = [f"skipped {len(self)} of {n_total} utterances:"]
        lines += [f"  {shown(key)}: {shown(reason)}" for key, reason in list(self.reasons.items())[:limit]]
        if len(self) > limit:
            lines.append(f"  ... and {len(self) - limit} more")
        return "\n".join(lines)
