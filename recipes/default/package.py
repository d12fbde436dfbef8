"""Puts a model directory together as it ships: network at half precision, both back-ends, settings, card.

    python package.py MODEL WINDOWS OUT

MODEL has the network and the back-end of utterances, WINDOWS, made of it by recipes/diarization, that of windows. The
settings of diarization and the text of the card lie beside this file: diarization.json, CARD.md.
"""

import argparse
import shutil
from pathlib import Path

from pysid.model import BACKEND_FILE, WINDOW_BACKEND_FILE, SpeakerModel

HERE = Path(__file__).parent


def package(model: Path, windows: Path, out: Path) -> None:
    """Writes the model directory `out`."""
    SpeakerModel.load(model).save(out, half=True)
    shutil.copy(model / BACKEND_FILE, out)
    shutil.copy(windows / WINDOW_BACKEND_FILE, out)
    shutil.copy(HERE / "diarization.json", out)
    shutil.copy(HERE / "CARD.md", out / "README.md")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "windows", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    package(args.model, args.windows, args.out)


if __name__ == "__main__":
    main()
