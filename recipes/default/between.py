"""A network between two: one that was trained on, and the one that it began from.

    python between.py BEGUN TRAINED SHARE OUT

Writes the model directory OUT with SHARE of the weights of the model directory TRAINED and the rest of BEGUN, which may
have fewer blocks. What fine-tuning gains mostly stays, and what it forgets mostly comes back: Wortsman et al., "Robust
fine-tuning of zero-shot models", CVPR 2022.
"""

import argparse
from pathlib import Path

from torch import Tensor

from pysid.model.speaker_model import SpeakerModel
from pysid.training.embedding.start import NETWORK, with_new_blocks, with_new_parts


def between(begun: dict[str, Tensor], trained: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """The mean of two networks' state dicts, `share` of it from the second, of which the first is the start."""
    first, second = ({f"{NETWORK}{name}": x for name, x in state.items()} for state in (begun, trained))
    grown = with_new_parts(with_new_blocks(first, second), second)
    if {name: x.shape for name, x in grown.items()} != {name: x.shape for name, x in second.items()}:
        raise SystemExit("between.py: the second network cannot have begun from the first: their weights do not match")
    return {
        name.removeprefix(NETWORK): share * x + (1 - share) * grown[name] if x.is_floating_point() else x
        for name, x in second.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("begun", type=Path)
    parser.add_argument("trained", type=Path)
    parser.add_argument("share", type=float, help="of TRAINED, in [0, 1]")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    if not 0 <= args.share <= 1:
        parser.error(f"SHARE must lie in [0, 1], got {args.share}")
    begun, model = SpeakerModel.load(args.begun), SpeakerModel.load(args.trained)
    weights = between(begun.network.state_dict(), model.network.state_dict(), args.share)
    model.network.load_state_dict(weights)
    model.save(args.out)


if __name__ == "__main__":
    main()
