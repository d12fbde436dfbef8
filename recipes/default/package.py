"""Puts a model directory together as it ships: networks and back-end at lower precision, windows, settings, card.

    python package.py MODEL WINDOWS OUT

MODEL has the network, the back-end of utterances, local segmentation and the detector of speech; WINDOWS, made of it by
recipes/diarization, the back-end of windows and the settings of diarization. The text of the card lies beside this
file, in CARD.md.
"""

import argparse
import shutil
from pathlib import Path

from pysid.activity.files import read_detector, write_detector
from pysid.diarization.files import CONFIG_FILE as DIARIZATION_FILE
from pysid.model.directory import WINDOW_BACKEND_FILE
from pysid.model.speaker_model import SpeakerModel
from pysid.segmentation.files import read_segmenter, write_segmenter

FOLDER = Path(__file__).parent


def package(model: Path, windows: Path, out: Path) -> None:
    """Writes the model directory `out`."""
    SpeakerModel.load(model).save(out, half=True)
    for name in (WINDOW_BACKEND_FILE, DIARIZATION_FILE):
        shutil.copy(windows / name, out)
    if detector := read_detector(model):
        write_detector(out, detector, half=True)
    if (segmenter := read_segmenter(model)) and segmenter.features:
        write_segmenter(out, segmenter.network, segmenter.features, half=True)
    shutil.copy(FOLDER / "CARD.md", out / "README.md")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "windows", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    package(args.model, args.windows, args.out)


if __name__ == "__main__":
    main()
