"""Several steps at once: what users get who start from samples, or train the back-end with pysid."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from benchmarks.parity.frontend import FEATURE_BOUND, fast_row
from benchmarks.parity.nnet3 import XVECTOR_BOUND, extract_config, networks, split_single
from benchmarks.parity.reference import Reference
from benchmarks.parity.rows import ABSOLUTE, RELATIVE, SCORES, Row, compare
from benchmarks.parity.scoring import SCORE_BOUND
from benchmarks.parity.vectors import read_piped
from pysid.backend import PldaBackend
from pysid.embedding.extract import extract
from pysid.frontend import VOXCELEB, Frontend

NETWORK_INPUT = "feats/nnet_input.ark"
XVECTORS = "nnet3/xvectors.ark"
SCORES_FILE = "backend/scores"


def sample_rows(reference: Reference) -> list[Row]:
    """From samples to network input and to x-vectors, by Kaldi's FFT and by the faster default."""
    command = reference.parse(reference.commands[XVECTORS])
    network = networks(reference, command)["XVector"]
    kaldis_input = reference.matrices(NETWORK_INPUT)
    kaldis_vectors, _ = split_single(reference.vectors(XVECTORS), kaldis_input)
    what_input, what_vectors = "samples to network input", "samples to x-vectors"

    def vectors(features: dict[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return split_single(dict(extract(network, features.items(), extract_config(command))), features)[0]

    like_kaldi, fast = (_network_input(reference, kaldi_fft) for kaldi_fft in (True, False))
    case = f"{NETWORK_INPUT} (Kaldi FFT)"
    rows = [compare(what_input, case, like_kaldi, kaldis_input, ABSOLUTE, FEATURE_BOUND)]
    rows.append(fast_row(what_input, NETWORK_INPUT, fast, kaldis_input))
    for fft, features, bound in (("Kaldi", like_kaldi, XVECTOR_BOUND), ("fast", fast, None)):
        case = f"{XVECTORS} ({fft} FFT)"
        rows.append(compare(what_vectors, case, vectors(features), kaldis_vectors, RELATIVE, bound))
    return rows


def _network_input(reference: Reference, kaldi_fft: bool) -> dict[str, np.ndarray]:
    """Normalised voiced frames (T, D) of the recordings that have any."""
    config = replace(VOXCELEB, features=replace(VOXCELEB.features, kaldi_fft=kaldi_fft))
    frontend = Frontend(config)
    features = {key: frontend(wave)[0][0].numpy() for key, wave in reference.waves("wav.scp").items()}
    return {key: x for key, x in features.items() if len(x)}


def trained_backend_rows(reference: Reference) -> list[Row]:
    """Centring, LDA and PLDA trained by pysid, then scores: compared with a back-end trained by Kaldi."""
    train_keys, train = read_piped(reference, "ark:backend/train.ark")
    utt2spk = reference.lists("backend/train_utt2spk")
    backend = PldaBackend(lda_dim=16).fit(train, [utt2spk[key][0] for key in train_keys])
    keys, X = read_piped(reference, "ark:backend/eval.ark")
    row = {key: i for i, key in enumerate(keys)}
    lines = reference.rows(SCORES_FILE)
    ours = backend.score_pairs(X, X, [row[line[0]] for line in lines], [row[line[1]] for line in lines])
    kaldis = np.array([float(line[2]) for line in lines])
    what = "scores of a back-end trained here"
    return [compare(what, SCORES_FILE, {"scores": ours}, {"scores": kaldis}, SCORES, SCORE_BOUND)]


CHAINS: dict[str, Callable[[Reference], list[Row]]] = {
    XVECTORS: sample_rows,
    SCORES_FILE: trained_backend_rows,
}
"""The rows, by the file at the end of each chain."""
