"""How good decisions about speakers are."""

from pysid.metrics.detection import (
    DetCurve,
    DetectionSummary,
    cllr,
    det_curve,
    detection_summary,
    equal_error_rate,
    format_eer,
    min_cllr,
    min_dcf,
    min_dcf_of_trials,
    rocch_eer,
)

__all__ = [
    "DetCurve",
    "DetectionSummary",
    "cllr",
    "det_curve",
    "detection_summary",
    "equal_error_rate",
    "format_eer",
    "min_cllr",
    "min_dcf",
    "min_dcf_of_trials",
    "rocch_eer",
]
