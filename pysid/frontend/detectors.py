"""Detectors of speech that hear the samples themselves, by the kind of their configuration."""

from pysid.frontend.silero import BLOCK as SILERO_RATES
from pysid.frontend.silero import SileroDetector, SileroVadConfig
from pysid.frontend.webrtc import SAMPLE_RATES as WEBRTC_RATES
from pysid.frontend.webrtc import WebrtcDetector, WebrtcVadConfig

SampleDetector = WebrtcDetector | SileroDetector


def rates_heard(vad: object) -> list[int]:
    """The sampling rates (Hz) that a detector of samples takes; none for a VAD of another kind.

    >>> rates_heard(SileroVadConfig())
    [8000, 16000]
    """
    rates = {WebrtcVadConfig: WEBRTC_RATES, SileroVadConfig: SILERO_RATES}
    return sorted(rates.get(type(vad), ()))


def detector_for(vad: object, sample_rate: int) -> SampleDetector | None:
    """The detector that a VAD's configuration asks for, for one recording; None where the VAD is of another kind.

    Args:
        vad: the configuration.
        sample_rate: Hz of the recording.
    Raises:
        ValueError, MissingExtra: as the detectors.
    """
    if isinstance(vad, WebrtcVadConfig):
        return WebrtcDetector(sample_rate, vad)
    return SileroDetector(sample_rate, vad) if isinstance(vad, SileroVadConfig) else None
