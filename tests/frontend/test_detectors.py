"""Which detector a configuration asks for."""

import pytest

from pysid.frontend import FrontendConfig, MfccConfig, VadConfig, WebrtcVadConfig
from pysid.frontend.detectors import detector_for, rates_heard
from pysid.frontend.webrtc import WebrtcDetector


def test_by_the_kind_of_the_vad():
    detector = detector_for(WebrtcVadConfig(aggressiveness=3), 8000)
    assert isinstance(detector, WebrtcDetector) and (detector.sample_rate, detector.config.aggressiveness) == (8000, 3)
    assert rates_heard(WebrtcVadConfig()) == [8000, 16000, 32000, 48000]
    for vad in (None, VadConfig()):
        assert detector_for(vad, 16000) is None and rates_heard(vad) == []
    with pytest.raises(ValueError, match="the VAD webrtc takes 8000, 16000, 32000, 48000 Hz, got 22050"):
        FrontendConfig(features=MfccConfig(sample_rate=22050), vad=WebrtcVadConfig())
