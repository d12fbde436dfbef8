"""The front-end of one recording in NumPy alone, for programs that live too short to load torch.

features    MFCCs and filter banks (`pysid.frontend.Mfcc`, `Fbank`), and PLP cepstra (`plp`)
vad         `pysid.frontend.energy_vad`
cmvn        `pysid.frontend.sliding_cmvn`
cmvn_stats  normalisation by statistics of utterances or speakers
deltas      `pysid.frontend.add_deltas`
kaldi_fft   Kaldi's FFT with its roundings (`pysid.frontend.kaldi_fft`)

The torch modules take the same options, do batches, and run on any device. Decisions, normalised features, deltas and
spectra are the same to the last bit; MFCCs differ as two libraries' sums and logarithms do.
"""
