"""Channels of waves, responses and noises."""

import numpy as np
import pytest

from pysid.augment import reverberate, reverberate_channels
from pysid.errors import DataError

RATE = 16000


class TestChannels:
    def test_one_output_for_each_channel_of_the_response(self, signal, response):
        wave, h = np.stack([signal(900), signal(900)]), np.stack([response(200, 10), response(200, 90)])
        noise = np.stack([signal(900), signal(900)])
        options = {"snrs_db": [5.0], "start_times_s": [0.0]}
        both = reverberate_channels(wave, RATE, h, [noise], multi_channel_output=True, input_channel=1, **options)
        assert both.shape == (2, 900)
        for c in range(2):
            one = {"input_channel": 1, "rir_channel": c, "noise_channel": c}
            np.testing.assert_array_equal(
                both[c : c + 1], reverberate_channels(wave, RATE, h, [noise], **one, **options)
            )
            np.testing.assert_array_equal(both[c], reverberate(wave[1], RATE, h[c], [noise[c]], **options))

    def test_refusals(self, signal):
        wave = signal(50)[None]
        with pytest.raises(DataError, match="channel of the wave below 1, got 1"):
            reverberate_channels(wave, RATE, input_channel=1)
        with pytest.raises(DataError, match="channel of the impulse response below 1, got 2"):
            reverberate_channels(wave, RATE, wave, rir_channel=2)
        with pytest.raises(DataError, match="expected an impulse response, whose channels"):
            reverberate_channels(wave, RATE, multi_channel_output=True)
        with pytest.raises(DataError, match="noises of 2 channels like the response, got 1"):
            reverberate_channels(wave, RATE, np.ones((2, 5)), [wave], multi_channel_output=True)
