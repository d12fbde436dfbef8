"""i-vectors: mixtures of Gaussians as a universal background model, posteriors, the extractor; in NumPy alone.

    background = parse_full_gmm(open_reader("final.ubm"))  # of pysid.ivector.files and pysid.io.kaldi.files
    extractor = parse_extractor(open_reader("final.ie"))
    chosen, _ = best_gaussians(background.to_diag().log_likelihoods(x), 20)  # x (T, D): the 20 best of each frame
    posteriors, _ = pruned(background.log_likelihoods_of(x, chosen), chosen, least=0.025)
    vectors = extractor.extract(UtteranceStats.of(len(background.weights), [x], [posteriors]))

diag_gmm, full_gmm     mixtures, and the likelihoods of frames
gmm_stats, gmm_update  their training
ragged                 what is chosen in each frame: Gaussians, and their posteriors
selection              the choice
extractor              i-vectors of utterances
extractor_stats, extractor_update   its training
files                  Kaldi's files of all of them

Source: N. Dehak et al., "Front-End Factor Analysis for Speaker Verification", 2011, as Kaldi has it (gmm/, ivector/).
"""

from pysid.ivector.diag_gmm import DiagGmm
from pysid.ivector.extractor import IvectorExtractor, UtteranceStats
from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.ragged import Chosen, Posteriors
from pysid.ivector.selection import best_gaussians, pruned

__all__ = [
    "Chosen",
    "DiagGmm",
    "FullGmm",
    "IvectorExtractor",
    "Posteriors",
    "UtteranceStats",
    "best_gaussians",
    "pruned",
]
