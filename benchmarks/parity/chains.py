"""Several steps at once: what a user gets who starts from samples, or trains the back-end here."""

from dataclasses import replace

import numpy as np

from benchmarks.parity.frontend import FEATURE_BOUND
from benchmarks.parity.nnet3 import XVECTOR_BOUND, extract_config, networks
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
    rows = []
    for kaldi_fft in (True, False):
        fft = "Kaldi" if kaldi_fft else "fast"
        features = _network_input(reference, kaldi_fft)
        what, bound = f"samples to network input ({fft} FFT)", FEATURE_BOUND if kaldi_fft else None
        kaldis = reference.matrices(NETWORK_INPUT)
        rows.append(compare(what, NETWORK_INPUT, features, kaldis, ABSOLUTE, bound))
        xvectors = dict(extract(network, features.items(), extract_config(command)))
        what, bound = f"samples to x-vectors ({fft} FFT)", XVECTOR_BOUND if kaldi_fft else None
        rows.append(compare(what, XVECTORS, xvectors, reference.vectors(XVECTORS), RELATIVE, bound))
    return rows


def _network_input(reference: Reference, kaldi_fft: bool) -> dict[str, np.ndarray]:
    """Normalised voiced frames (T, D) of the recordings that have any."""
    config = replace(VOXCELEB, features=replace(VOXCELEB.features, kaldi_fft=kaldi_fft))
    frontend = Frontend(config)
    features = {key: frontend(wave)[0][0].numpy() for key, wave in reference.waves("wav.scp").items()}
    return {key: x for key, x in features.items() if len(x)}


def backend_rows(reference: Reference) -> list[Row]:
    """Centring, LDA and PLDA trained here, then scores: against a Kaldi back-end trained by Kaldi."""
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
