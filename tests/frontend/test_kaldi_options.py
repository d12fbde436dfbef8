import pytest

from pysid.frontend import FbankConfig, MfccConfig

ALL_MFCC = {
    "sample-frequency": "8000",
    "frame-length": "20",
    "frame-shift": "5",
    "dither": "0.5",
    "preemphasis-coefficient": "0.9",
    "remove-dc-offset": "false",
    "window-type": "blackman",
    "blackman-coeff": "0.4",
    "round-to-power-of-two": "f",
    "snip-edges": "0",
    "num-mel-bins": "20",
    "low-freq": "100",
    "high-freq": "-200",
    "htk-mode": "t",
    "num-ceps": "12",
    "use-energy": "false",
    "energy-floor": "1.0",
    "raw-energy": "false",
    "cepstral-lifter": "0",
    "htk-compat": "true",
}


def test_every_option_of_mfccs_arrives():
    assert MfccConfig.from_kaldi(ALL_MFCC) == MfccConfig(
        sample_rate=8000,
        window_ms=20.0,
        shift_ms=5.0,
        dither=0.5,
        preemphasis=0.9,
        remove_dc_offset=False,
        window_type="blackman",
        blackman_coeff=0.4,
        round_to_power_of_two=False,
        snip_edges=False,
        n_mels=20,
        low_hz=100.0,
        high_hz=-200.0,
        htk_mode=True,
        n_ceps=12,
        use_energy=False,
        energy_floor=1.0,
        raw_energy=False,
        lifter=0.0,
        htk_compat=True,
        kaldi_fft=True,
    )


def test_every_option_of_filter_banks_arrives():
    assert FbankConfig.from_kaldi({"use-log-fbank": "false", "use-power": "false"}, kaldi_fft=False) == FbankConfig(
        use_log=False, use_power=False
    )


def test_defaults_are_kaldis_but_for_the_dither():
    assert MfccConfig.from_kaldi({}, kaldi_fft=False) == MfccConfig()
    c = MfccConfig()
    assert (c.n_mels, c.n_ceps, c.lifter, c.use_energy, c.high_hz, c.dither) == (23, 13, 22.0, True, 0.0, 0.0)
    assert not FbankConfig().use_energy


def test_names_as_kaldi_reads_them():
    assert MfccConfig.from_kaldi({"Num_Mel-Bins": "30"}).n_mels == 30


def test_options_without_effect_here_pass():
    options = {
        "allow-downsample": "true",
        "debug-mel": "false",
        "vtln-low": "100",
        "vtln-warp": "1",
        "vtln-map": "",
    }
    assert MfccConfig.from_kaldi(options) == MfccConfig.from_kaldi({})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num-mel-bin": "30"}, "^unknown option --num-mel-bin; did you mean --num-mel-bins?"),
        ({"foo": "30"}, "^unknown option --foo$"),
        ({"use-log-fbank": "true"}, "unknown option --use-log-fbank"),
        ({"num-mel-bins": "30.5"}, "^--num-mel-bins=30.5: expected a whole number$"),
        ({"high-freq": "high"}, "^--high-freq=high: expected a number$"),
        ({"high-freq": "nan"}, "^--high-freq=nan: expected a number$"),
        ({"snip-edges": "no"}, "^--snip-edges=no: expected true or false$"),
        ({"sample-frequency": "16000.5"}, "^--sample-frequency=16000.5: expected a whole number of Hz$"),
        ({"vtln-warp": "0.9"}, "^--vtln-warp=0.9 is not supported: only 1.0 is$"),
        ({"vtln-low": "60"}, "^--vtln-low=60 is not supported"),
        ({"vtln-map": "ark:warps"}, "^--vtln-map=ark:warps is not supported"),
        ({"window-type": "hann"}, "window_type must be one of"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        MfccConfig.from_kaldi(options)
