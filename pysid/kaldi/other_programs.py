"""The programs of Kaldi that have no stand-in, and what pysid has in their place.

The names are listed by folder of kaldi/src (commit f4007661); those with a stand-in are left out when the list is used.
"""

SPEECH_RECOGNITION = "pysid has no speech recognition"
TRAINING = "networks are trained by `pysid train`"

INSTEAD = {
    "bin": SPEECH_RECOGNITION,
    "chainbin": SPEECH_RECOGNITION,
    "cudadecoderbin": SPEECH_RECOGNITION,
    "cudafeatbin": "features are computed by `pysid features`",
    "featbin": "features are computed by `pysid features`, and `pysid kaldi --list` names the stand-ins for features",
    "fgmmbin": "`pysid kaldi --list` names the stand-ins for training and using a background model",
    "fstbin": SPEECH_RECOGNITION,
    "gmmbin": SPEECH_RECOGNITION + "; `pysid kaldi --list` names the stand-ins for background models",
    "ivectorbin": "`pysid kaldi --list` names the stand-ins for i-vectors and back-ends",
    "kwsbin": SPEECH_RECOGNITION,
    "latbin": SPEECH_RECOGNITION,
    "lmbin": SPEECH_RECOGNITION,
    "nnet2bin": TRAINING,
    "nnet3bin": TRAINING,
    "nnetbin": TRAINING,
    "online2bin": SPEECH_RECOGNITION,
    "onlinebin": SPEECH_RECOGNITION,
    "rnnlmbin": SPEECH_RECOGNITION,
    "sgmm2bin": SPEECH_RECOGNITION,
    "tfrnnlmbin": SPEECH_RECOGNITION,
}
"""By folder."""

NO_PITCH = "pysid computes no pitch"
EMBEDDING = "x-vectors are computed by `pysid embed`, and by the stand-in for nnet3-xvector-compute"
EXCEPTIONS = {
    "compute-kaldi-pitch-feats": NO_PITCH,
    "process-kaldi-pitch-feats": NO_PITCH,
    "compute-and-process-kaldi-pitch-feats": NO_PITCH,
    "process-pitch-feats": NO_PITCH,
    "interpolate-pitch": NO_PITCH,
    "nnet3-xvector-compute-batched": EMBEDDING,
    "nnet3-compute": EMBEDDING,
    "nnet3-compute-batch": EMBEDDING,
    "ivector-extract-online": "i-vectors of whole utterances are computed by the stand-in for ivector-extract",
    "logistic-regression-train": "scores are calibrated by `pysid fit-backend --calibration-trials`",
}
"""For programs that differ from the rest of their folder."""

_NAMES = {
    "bin": """
        acc-lda acc-tree-stats add-self-loops ali-to-pdf ali-to-phones ali-to-post align-compiled-mapped align-equal
        align-equal-compiled align-mapped align-text am-info analyze-counts build-pfile-from-ali build-tree
        build-tree-two-level cluster-phones compare-int-vector compile-graph compile-questions compile-train-graphs
        compile-train-graphs-fsts compile-train-graphs-without-lexicon compute-gop compute-wer compute-wer-bootci
        convert-ali copy-gselect copy-int-vector copy-matrix copy-post copy-transition-model copy-tree copy-vector
        decode-faster decode-faster-mapped draw-tree est-lda est-mllt est-pca get-post-on-ali hmm-info
        latgen-faster-mapped latgen-faster-mapped-parallel latgen-incremental-mapped logprob-to-post
        make-h-transducer make-ilabel-transducer make-pdf-to-tid-transducer matrix-dim matrix-max matrix-sum
        matrix-sum-rows phones-to-prons post-to-pdf-post post-to-phone-post post-to-smat post-to-tacc
        post-to-weights prob-to-post prons-to-wordali scale-post show-alignments show-transitions sum-lda-accs
        sum-matrices sum-mllt-accs sum-post sum-tree-stats transform-vec tree-info vector-scale vector-sum
        weight-post weight-silence-post
    """,
    "chainbin": """
        chain-est-phone-lm chain-get-supervision chain-make-den-fst chain-make-num-fst-e2e nnet3-chain-acc-lda-stats
        nnet3-chain-add-post-to-egs nnet3-chain-combine nnet3-chain-combine2 nnet3-chain-compute-post
        nnet3-chain-compute-prob nnet3-chain-copy-egs nnet3-chain-e2e-get-egs nnet3-chain-get-egs
        nnet3-chain-merge-egs nnet3-chain-normalize-egs nnet3-chain-shuffle-egs nnet3-chain-subset-egs
        nnet3-chain-train nnet3-chain-train2
    """,
    "cudadecoderbin": """
        batched-wav-nnet3-cuda batched-wav-nnet3-cuda-online batched-wav-nnet3-cuda2
    """,
    "cudafeatbin": """
        apply-batched-cmvn-online-cuda apply-cmvn-online-cuda compute-fbank-feats-cuda
        compute-fbank-online-batched-cuda compute-mfcc-feats-cuda compute-mfcc-online-batched-cuda
        compute-online-feats-batched-cuda compute-online-feats-cuda
    """,
    "featbin": """
        add-deltas add-deltas-sdc append-post-to-feats append-vector-to-feats apply-cmvn apply-cmvn-sliding
        compare-feats compose-transforms compute-and-process-kaldi-pitch-feats compute-cmvn-stats
        compute-cmvn-stats-two-channel compute-fbank-feats compute-kaldi-pitch-feats compute-mfcc-feats
        compute-plp-feats compute-spectrogram-feats concat-feats copy-feats copy-feats-to-htk copy-feats-to-sphinx
        extend-transform-dim extract-feature-segments extract-segments feat-to-dim feat-to-len fmpe-acc-stats
        fmpe-apply-transform fmpe-est fmpe-init fmpe-sum-accs get-full-lda-mat interpolate-pitch modify-cmvn-stats
        multiply-vectors paste-feats paste-vectors post-to-feats process-kaldi-pitch-feats process-pitch-feats
        select-feats shift-feats splice-feats subsample-feats subset-feats transform-feats wav-copy wav-reverberate
        wav-to-duration
    """,
    "fgmmbin": """
        fgmm-global-acc-stats fgmm-global-acc-stats-post fgmm-global-copy fgmm-global-est
        fgmm-global-get-frame-likes fgmm-global-gselect-to-post fgmm-global-info fgmm-global-init-from-accs
        fgmm-global-merge fgmm-global-sum-accs fgmm-global-to-gmm fgmm-gselect
    """,
    "fstbin": """
        fstaddselfloops fstaddsubsequentialloop fstcomposecontext fstcopy fstdeterminizelog fstdeterminizestar
        fstisstochastic fstmakecontextfst fstmakecontextsyms fstminimizeencoded fstphicompose fstpushspecial fstrand
        fstrmepslocal fstrmsymbols fsts-concat fsts-project fsts-to-transcripts fsts-union fsttablecompose
        make-grammar-fst
    """,
    "gmmbin": """
        gmm-acc-mllt gmm-acc-mllt-global gmm-acc-stats gmm-acc-stats-ali gmm-acc-stats-twofeats gmm-acc-stats2
        gmm-adapt-map gmm-align gmm-align-compiled gmm-basis-fmllr-accs gmm-basis-fmllr-accs-gpost
        gmm-basis-fmllr-training gmm-boost-silence gmm-compute-likes gmm-copy gmm-decode-biglm-faster
        gmm-decode-faster gmm-decode-faster-regtree-fmllr gmm-decode-faster-regtree-mllr gmm-decode-simple gmm-est
        gmm-est-basis-fmllr gmm-est-basis-fmllr-gpost gmm-est-fmllr gmm-est-fmllr-global gmm-est-fmllr-gpost
        gmm-est-fmllr-raw gmm-est-fmllr-raw-gpost gmm-est-gaussians-ebw gmm-est-lvtln-trans gmm-est-map
        gmm-est-regtree-fmllr gmm-est-regtree-fmllr-ali gmm-est-regtree-mllr gmm-est-rescale gmm-est-weights-ebw
        gmm-fmpe-acc-stats gmm-get-stats-deriv gmm-global-acc-stats gmm-global-acc-stats-twofeats gmm-global-copy
        gmm-global-est gmm-global-est-fmllr gmm-global-est-lvtln-trans gmm-global-get-frame-likes
        gmm-global-get-post gmm-global-gselect-to-post gmm-global-info gmm-global-init-from-feats
        gmm-global-sum-accs gmm-global-to-fgmm gmm-gselect gmm-info gmm-init-biphone gmm-init-lvtln gmm-init-model
        gmm-init-model-flat gmm-init-mono gmm-ismooth-stats gmm-latgen-biglm-faster gmm-latgen-faster
        gmm-latgen-faster-parallel gmm-latgen-faster-regtree-fmllr gmm-latgen-map gmm-latgen-simple gmm-make-regtree
        gmm-mixup gmm-post-to-gpost gmm-rescore-lattice gmm-sum-accs gmm-train-lvtln-special gmm-transform-means
        gmm-transform-means-global
    """,
    "ivectorbin": """
        agglomerative-cluster compute-eer compute-vad compute-vad-from-frame-likes ivector-adapt-plda
        ivector-compute-dot-products ivector-compute-lda ivector-compute-plda ivector-copy-plda ivector-extract
        ivector-extract-online ivector-extractor-acc-stats ivector-extractor-copy ivector-extractor-est
        ivector-extractor-init ivector-extractor-sum-accs ivector-mean ivector-normalize-length ivector-plda-scoring
        ivector-plda-scoring-dense ivector-subtract-global-mean ivector-transform logistic-regression-copy
        logistic-regression-eval logistic-regression-train merge-vads select-voiced-frames
    """,
    "kwsbin": """
        compute-atwv generate-proxy-keywords kws-index-union kws-search lattice-to-kws-index print-proxy-keywords
        transcripts-to-fsts
    """,
    "latbin": """
        lattice-1best lattice-add-nnlmscore lattice-add-penalty lattice-add-trans-probs lattice-align-phones
        lattice-align-words lattice-align-words-lexicon lattice-arc-post lattice-best-path lattice-boost-ali
        lattice-combine lattice-compose lattice-confidence lattice-copy lattice-copy-backoff lattice-depth
        lattice-depth-per-frame lattice-determinize lattice-determinize-non-compact lattice-determinize-phone-pruned
        lattice-determinize-phone-pruned-parallel lattice-determinize-pruned lattice-determinize-pruned-parallel
        lattice-difference lattice-equivalent lattice-expand lattice-expand-ngram lattice-interp lattice-limit-depth
        lattice-lmrescore lattice-lmrescore-const-arpa lattice-lmrescore-kaldi-rnnlm
        lattice-lmrescore-kaldi-rnnlm-pruned lattice-lmrescore-pruned lattice-lmrescore-rnnlm lattice-mbr-decode
        lattice-minimize lattice-oracle lattice-path-cover lattice-project lattice-prune lattice-push
        lattice-rescore-mapped lattice-reverse lattice-rmali lattice-scale lattice-to-ctm-conf lattice-to-fst
        lattice-to-mpe-post lattice-to-nbest lattice-to-phone-lattice lattice-to-post lattice-to-smbr-post
        lattice-union linear-to-nbest nbest-to-ctm nbest-to-lattice nbest-to-linear nbest-to-prons
    """,
    "lmbin": """
        arpa-to-const-arpa arpa2fst
    """,
    "nnet2bin": """
        nnet-adjust-priors nnet-align-compiled nnet-am-average nnet-am-compute nnet-am-copy nnet-am-fix nnet-am-info
        nnet-am-init nnet-am-mixup nnet-am-reinitialize nnet-am-switch-preconditioning nnet-am-widen nnet-combine
        nnet-combine-egs-discriminative nnet-combine-fast nnet-compare-hash-discriminative nnet-compute
        nnet-compute-from-egs nnet-compute-prob nnet-copy-egs nnet-copy-egs-discriminative nnet-get-egs
        nnet-get-egs-discriminative nnet-get-feature-transform nnet-get-feature-transform-multi
        nnet-get-weighted-egs nnet-init nnet-insert nnet-latgen-faster nnet-latgen-faster-parallel
        nnet-modify-learning-rates nnet-normalize-stddev nnet-relabel-egs nnet-replace-last-layers
        nnet-show-progress nnet-shuffle-egs nnet-shuffle-egs-discriminative nnet-subset-egs nnet-to-raw-nnet
        nnet-train-discriminative-parallel nnet-train-discriminative-simple nnet-train-ensemble nnet-train-parallel
        nnet-train-simple nnet-train-transitions nnet1-to-raw-nnet raw-nnet-concat raw-nnet-copy raw-nnet-info
    """,
    "nnet3bin": """
        cuda-compiled cuda-gpu-available nnet3-acc-lda-stats nnet3-align-compiled nnet3-am-adjust-priors
        nnet3-am-copy nnet3-am-info nnet3-am-init nnet3-am-train-transitions nnet3-average nnet3-combine
        nnet3-compute nnet3-compute-batch nnet3-compute-from-egs nnet3-compute-prob nnet3-copy nnet3-copy-egs
        nnet3-discriminative-compute-from-egs nnet3-discriminative-compute-objf nnet3-discriminative-copy-egs
        nnet3-discriminative-get-egs nnet3-discriminative-merge-egs nnet3-discriminative-shuffle-egs
        nnet3-discriminative-subset-egs nnet3-discriminative-train nnet3-egs-augment-image nnet3-get-egs
        nnet3-get-egs-dense-targets nnet3-get-egs-simple nnet3-info nnet3-init nnet3-latgen-faster
        nnet3-latgen-faster-batch nnet3-latgen-faster-lookahead nnet3-latgen-faster-looped
        nnet3-latgen-faster-looped-parallel nnet3-latgen-faster-parallel nnet3-latgen-grammar nnet3-merge-egs
        nnet3-show-progress nnet3-shuffle-egs nnet3-subset-egs nnet3-train nnet3-xvector-compute
        nnet3-xvector-compute-batched nnet3-xvector-get-egs
    """,
    "nnetbin": """
        cmvn-to-nnet feat-to-post nnet-concat nnet-copy nnet-forward nnet-info nnet-initialize nnet-set-learnrate
        nnet-train-frmshuff nnet-train-mmi-sequential nnet-train-mpe-sequential nnet-train-multistream
        nnet-train-multistream-perutt nnet-train-perutt paste-post rbm-convert-to-nnet rbm-train-cd1-frmshuff
        train-transitions transf-to-nnet
    """,
    "online2bin": """
        apply-cmvn-online compress-uncompress-speex extend-wav-with-silence ivector-extract-online2
        ivector-randomize online2-tcp-nnet3-decode-faster online2-tcp-nnet3-decode-faster-emscripten
        online2-wav-dump-features online2-wav-gmm-latgen-faster online2-wav-nnet2-am-compute
        online2-wav-nnet2-latgen-faster online2-wav-nnet2-latgen-threaded online2-wav-nnet3-latgen-faster
        online2-wav-nnet3-latgen-grammar online2-wav-nnet3-latgen-incremental
        online2-wav-nnet3-wake-word-decoder-faster
    """,
    "onlinebin": """
        online-audio-client online-audio-server-decode-faster online-gmm-decode-faster online-net-client
        online-server-gmm-decode-faster online-wav-gmm-decode-faster
    """,
    "rnnlmbin": """
        rnnlm-compute-prob rnnlm-get-egs rnnlm-get-sampling-lm rnnlm-get-word-embedding rnnlm-sentence-probs
        rnnlm-train
    """,
    "sgmm2bin": """
        init-ubm sgmm2-acc-stats sgmm2-acc-stats-gpost sgmm2-acc-stats2 sgmm2-align-compiled sgmm2-comp-prexform
        sgmm2-copy sgmm2-est sgmm2-est-ebw sgmm2-est-fmllr sgmm2-est-spkvecs sgmm2-est-spkvecs-gpost sgmm2-gselect
        sgmm2-info sgmm2-init sgmm2-latgen-faster sgmm2-latgen-faster-parallel sgmm2-post-to-gpost sgmm2-project
        sgmm2-rescore-lattice sgmm2-sum-accs
    """,
    "tfrnnlmbin": """
        lattice-lmrescore-tf-rnnlm lattice-lmrescore-tf-rnnlm-pruned
    """,
}


def _replacements() -> dict[str, str]:
    by_folder = {name: INSTEAD[folder] for folder, names in _NAMES.items() for name in names.split()}
    return by_folder | EXCEPTIONS


PLACES: dict[str, str] = _replacements()
"""What pysid has in the place of each of Kaldi's programs, if there were no stand-in."""


def refusal(name: str) -> str:
    """The line that a program without a stand-in ends with, in the form of Kaldi's errors."""
    return f"ERROR ({name}[5.5]:main():{name}.cc:1) pysid has no stand-in for {name}: {PLACES[name]}"
