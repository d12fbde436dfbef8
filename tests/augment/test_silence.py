"""A silent end for a recording."""

import numpy as np

from pysid.augment.silence import extend_with_silence

SILENCE = {"length_s": 1.0, "search_s": 0.5, "extract_s": 0.05, "shift_s": 0.025}


def test_the_end_is_as_quiet_as_the_quietest_part():
    rng = np.random.default_rng(0)
    wave = rng.normal(0, 3000, 16000).astype(np.float32)
    wave[400:1200] = rng.normal(0, 10, 800)
    extended = extend_with_silence(wave, 8000, **SILENCE)
    assert len(extended) == 24000
    np.testing.assert_array_equal(extended[:15800], wave[:15800])
    assert 5 < extended[16000:].std() < 20


def test_by_kaldis_letter():
    rng = np.random.default_rng(1)
    wave = rng.normal(0, 100, 9000).astype(np.float32)
    extended = extend_with_silence(wave, 8000, **SILENCE)
    quietest = min((wave[s : s + 400] for s in [*range(0, 3600, 200), *range(5000, 8600, 200)]), key=lambda x: x @ x)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)
    expected = np.concatenate([wave, np.zeros(8000)])
    tail, offset = expected[8800:], 0
    tail[:200] *= window[200:]
    while offset + 400 < len(tail):
        tail[offset : offset + 400] += window * quietest
        offset += 200
    tail[offset:] += (window * quietest)[: len(tail) - offset]
    np.testing.assert_allclose(extended, expected, atol=1e-3)
