"""`python -m pysid.kaldi`: the same as `pysid kaldi`, but starts faster than the whole command line."""

import os
import signal
import sys
from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Runs `pysid kaldi` with these words and gives the exit status. Programs use one thread, as Kaldi's do."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are imported, so not before this
    from pysid.kaldi.stand_ins import main as run

    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly, as in `copy-feats ... | head`
    try:
        return run(words)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
