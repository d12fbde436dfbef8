"""The lines that Kaldi's programs write to standard error, in the form that its scripts look for.

    LOG (compute-vad[5.5]:main():compute-vad.cc:41) Proportion of voiced frames was 0.8 over 993 frames.

The last number is the line in the stand-in's source. Source: kaldi/src/base/kaldi-error.cc.
"""

import sys


class Log:
    """Writes a program's messages; `verbose` is the level up to which its remarks are shown.

    >>> import contextlib
    >>> with contextlib.redirect_stderr(sys.stdout):
    ...     Log("compute-vad").warn("No frames were judged voiced for utterance utt1")
    WARNING (compute-vad[5.5]:main():compute-vad.cc:2) No frames were judged voiced for utterance utt1
    """

    def __init__(self, program: str) -> None:
        self.program = program
        self.verbose = 0

    def info(self, message: str) -> None:
        """What was done."""
        self._print("LOG", message)

    def remark(self, level: int, message: str) -> None:
        """What is of interest at `--verbose=level` and above."""
        if self.verbose >= level:
            self._print(f"VLOG[{level}]", message)

    def warn(self, message: str) -> None:
        """What went wrong without ending the program."""
        self._print("WARNING", message)

    def error(self, message: str) -> None:
        """Why the program ends."""
        self._print("ERROR", message)

    def _print(self, kind: str, message: str) -> None:
        line = sys._getframe(2).f_lineno
        print(f"{kind} ({self.program}[5.5]:main():{self.program}.cc:{line}) {message}", file=sys.stderr, flush=True)


def six_digits(value: float) -> str:
    """A number as a C++ stream prints it by default.

    >>> six_digits(2 / 3), six_digits(1e-7), six_digits(3.0)
    ('0.666667', '1e-07', '3')
    """
    return f"{value:.6g}"
