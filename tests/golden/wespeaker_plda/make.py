"""Makes `plda.h5` and `scores.json` by WeSpeaker's two-covariance PLDA; h5py and SciPy must be installed.

python tests/golden/wespeaker_plda/make.py PATH_OF_ITS_CHECKOUT COMMIT
"""

import json
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np

FOLDER = Path(__file__).parent
DIM, N_SPEAKERS, N_UTTERANCES = 4, 12, 3

if __name__ == "__main__":
    checkout, commit = sys.argv[1:]
    package = ModuleType("wespeaker")
    package.__path__ = [f"{checkout}/wespeaker"]  # without what its __init__.py imports
    sys.modules |= {
        "wespeaker": package,
        "kaldi_io": MagicMock(),
        "kaldiio": MagicMock(),
        "kaldi_io.kaldi_io": MagicMock(),
    }
    from wespeaker.utils.plda.two_cov_plda import TwoCovPLDA, norm_embeddings

    random = np.random.RandomState(0)
    speakers = random.standard_normal((N_SPEAKERS, 1, DIM)) * [3, 2, 1, 0.5]
    embeddings = 0.7 + speakers + random.standard_normal((N_SPEAKERS, N_UTTERANCES, DIM))
    plda = TwoCovPLDA(embed_dim=DIM, normalize_length=True)
    for own in embeddings:
        plda.stats.add_samples(1.0, norm_embeddings(own))
    plda.train(5)
    plda.save_model(str(FOLDER / "plda.h5"))
    scores = {}
    for normalised in (True, False):  # False as with a file of Kaldi's
        plda.normalize_length = normalised
        prepared = norm_embeddings if normalised else lambda x: x
        enrol = [plda.transform_embedding(prepared(own[:2].mean(0))) for own in embeddings]
        test = [plda.transform_embedding(prepared(own[2])) for own in embeddings]
        scores[str(normalised)] = [[float(plda.log_likelihood_ratio(a, b, 2)) for b in test] for a in enrol]
    content = {
        "made_by": f"WeSpeaker {commit}",
        "mu": plda.mu.tolist(),
        "transform": plda.transform.tolist(),
        "psi": plda.psi.tolist(),
        "embeddings": embeddings.tolist(),
        "scores": scores,
    }
    (FOLDER / "scores.json").write_text(json.dumps(content) + "\n")
    print(scores["True"][0][:3], scores["False"][0][:3])
