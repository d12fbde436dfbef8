"""Decisions: thresholds, calibration, enrolment from several recordings."""

import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from pysid.backend import LogisticCalibration
from pysid.backend.trials import enrol
from pysid.errors import DataError
from pysid.io.audio.samples import Int16Scale
from pysid.model.speaker_model import SpeakerModel
from pysid.speakers.decision import Decision, OperatingPoint
from pysid.speakers.verify import Verifier, verify


def calibration(scale, offset):
    made = LogisticCalibration()
    made.scale_, made.offset_ = scale, offset
    return made


@pytest.fixture(scope="module")
def opened(fitted):
    return SpeakerModel.load(fitted)


@pytest.fixture(scope="module")
def uncalibrated(model):
    return SpeakerModel.load(model)


def audio(dev, *names):
    return [dev / "audio" / f"{name}.ogg" for name in names]


@pytest.mark.parametrize("p_target", [0.5, 0.01, 0.9])
@pytest.mark.parametrize(("c_miss", "c_fa"), [(1, 1), (10, 1), (1, 10)])
def test_the_bayes_threshold_has_the_least_expected_cost(p_target, c_miss, c_fa):
    """At the threshold both answers cost the same: c_miss P(same | score) = c_fa P(other | score)."""
    point = OperatingPoint(p_target=p_target, c_miss=c_miss, c_fa=c_fa)
    decision = point.decide((point.llr_threshold - 3) / 2, calibration(2, 3))
    assert decision.llr == pytest.approx(point.llr_threshold)
    assert c_miss * decision.probability == pytest.approx(c_fa * (1 - decision.probability))
    above, below = (point.decide((point.llr_threshold + x - 3) / 2, calibration(2, 3)) for x in (0.01, -0.01))
    assert above.accepted and not below.accepted


def test_a_threshold_is_on_the_score():
    point = OperatingPoint(threshold=-5.0)
    assert point.decide(-5.0, None) == Decision(-5.0, None, None, True, point)
    assert not point.decide(-5.01, None).accepted
    with_llr = point.decide(-5.0, calibration(1, 0))
    assert with_llr.accepted and with_llr.llr == -5.0 and with_llr.probability == pytest.approx(1 / (1 + math.exp(5)))
    assert OperatingPoint(threshold=-math.inf).decide(-1e9, None).accepted


def test_a_decision_is_true_and_reads_as_it_is_decided():
    point = OperatingPoint(threshold=-5.0)
    accepted, rejected = point.decide(-5.0, None), point.decide(-5.01, calibration(1, 0))
    assert accepted and not rejected
    assert str(accepted) == "accepted, score -5.0000"
    assert str(rejected) == "rejected, score -5.0100, LLR -5.0100, probability 0.0066"
    assert str(rejected.point) == "a score of at least -5; probabilities are at the prior 0.5"


def test_without_calibration_and_threshold_there_is_nothing_to_decide_by():
    with pytest.raises(DataError, match=r"no calibration.* give a --threshold on the score, or calibrate"):
        OperatingPoint().decide(1.0, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p_target": 0.0}, r"p_target must lie in \(0, 1\), got 0.0"),
        ({"p_target": 1.0}, "p_target must lie"),
        ({"p_target": math.nan}, "p_target must lie"),
        ({"c_miss": 0.0}, "c_miss and c_fa must be positive, got 0.0 and 1.0"),
        ({"c_fa": math.inf}, "must be positive"),
        ({"threshold": math.nan}, "threshold must be a number"),
    ],
)
def test_operating_points_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        OperatingPoint(**options)


def test_one_recording_against_one_is_a_trial(opened, dev):
    a, b, c = audio(dev, "slt-0", "slt-1", "rms-0")
    backend = opened.scorer()
    x, y, z = (opened.embed(path)[None] for path in (a, b, c))
    same, other = verify(opened, [a], [b, c])
    assert same.score == pytest.approx(backend.score(x, y)[0, 0]) and other.score == backend.score(x, z)[0, 0]
    assert same.llr == pytest.approx(float(backend.calibration_.transform(same.score)))
    assert same.probability == pytest.approx(1 / (1 + math.exp(-same.llr)))
    assert (same.accepted, other.accepted) == (same.llr >= 0, other.llr >= 0)


def test_several_recordings_are_enrolled_as_kaldi_does(opened, dev):
    """The mean of the embeddings, and PLDA told of how many: the same as `pysid score --enroll`."""
    paths = audio(dev, "slt-0", "slt-1", "slt-2")
    embeddings = {path.stem: opened.embed(path) for path in [*paths, *audio(dev, "slt-5")]}
    enrolled = enrol(embeddings, {"slt": ["slt-0", "slt-1", "slt-2"]})
    expected = opened.scorer().score(enrolled.vectors, embeddings["slt-5"][None], enrolled.counts)[0, 0]
    (decision,) = verify(opened, paths, audio(dev, "slt-5"))
    assert decision.score == pytest.approx(expected, rel=1e-4, abs=1e-4)
    single = opened.scorer().score(enrolled.vectors, embeddings["slt-5"][None], 1)[0, 0]
    assert abs(decision.score - single) > 1e-3


def test_waveforms_do_as_well_as_files(opened, dev):
    a, b = audio(dev, "slt-0", "slt-1")
    waves = [soundfile.read(path, dtype="float32") for path in (a, b)]
    assert verify(opened, waves[:1], waves[1:])[0].score == pytest.approx(verify(opened, [a], [b])[0].score, rel=1e-4)


def test_a_model_without_calibration_needs_a_threshold(uncalibrated, dev):
    enrolment, test = audio(dev, "slt-0", "slt-1")
    with pytest.raises(DataError, match="no PLDA back-end"):
        Verifier(uncalibrated, [enrolment])
    with pytest.raises(DataError, match="no calibration"):
        Verifier(uncalibrated, [enrolment], backend="cosine")
    point = OperatingPoint(threshold=0.5)
    decision = Verifier(uncalibrated, [enrolment], point, "cosine")(test)
    assert (decision.llr, decision.probability) == (None, None) and decision.accepted == (decision.score >= 0.5)
    high = replace(point, threshold=1.5)
    assert not Verifier(uncalibrated, [enrolment], high, "cosine")(test).accepted


def test_bad_recordings(opened, dev, broken, tmp_path):
    good = audio(dev, "slt-0")[0]
    verifier = Verifier(opened, [good])
    for name, (make, message) in broken.items():
        path = tmp_path / f"{name}.wav"
        make(path)
        if name != "pipe":
            for use in (verifier, lambda path: Verifier(opened, [good, path])):
                with pytest.raises(DataError, match=rf"^{path}: .*{message}"):
                    use(path)


def test_the_same_recording_twice_is_no_second_one(opened, dev, tmp_path):
    path = audio(dev, "slt-0")[0]
    (tmp_path / "link.ogg").symlink_to(path)
    with pytest.raises(DataError, match=r"each recording of a speaker once, got .*link.ogg again"):
        Verifier(opened, [path, tmp_path / "link.ogg"])
    with pytest.raises(ValueError, match="got none"):
        Verifier(opened, [])
    waves = [Int16Scale(np.random.default_rng(0).normal(scale=1000, size=80000).astype(np.float32))] * 2
    assert Verifier(opened, waves).n_enrol == 2
