from pathlib import Path

import numpy as np
import pytest

from pysid.diarization.windows import WindowConfig, subsegment_lines, uniform_windows
from pysid.segments import Segment

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi" / "clustering"
CALLHOME = {"max-segment-duration": "1.5", "overlap-duration": "0.75", "max-remaining-duration": "0.5"}


def script_lines(utterances, longest, overlap, remaining, constant):
    """The loop of Kaldi's get_uniform_subsegments.py, name by name."""
    lines = []
    threshold = longest if constant else longest + remaining
    for name, start_time, end_time in utterances:
        dur = end_time - start_time
        start = start_time
        while dur > threshold:
            relative, end_relative = start - start_time, start + longest - start_time
            names = f"{int(100 * relative):08d}-{int(100 * end_relative):08d}"
            lines.append(f"{name}-{names} {name} {relative:.3f} {relative + longest:.3f}")
            start += longest - overlap
            dur -= longest - overlap
        if constant:
            if dur < 0:
                continue
            if dur < remaining:
                start = max(end_time - longest, start_time)
            end = min(start + longest, end_time)
        else:
            end = end_time
        names = f"{round(100 * (start - start_time)):08d}-{round(100 * (end - start_time)):08d}"
        lines.append(f"{name}-{names} {name} {start - start_time:.3f} {end - start_time:.3f}")
    return lines


@pytest.mark.parametrize(("file", "constant"), [("subsegments", "True"), ("subsegments_variable", "False")])
def test_same_text_as_kaldis_script(file, constant):
    config = WindowConfig.from_kaldi({**CALLHOME, "constant-duration": constant})
    rows = [line.split() for line in (GOLDEN / "speech_segments").read_text().splitlines()]
    utterances = [(name, Segment(float(start), float(end))) for name, _, start, end in rows]
    assert list(subsegment_lines(utterances, config)) == (GOLDEN / file).read_text().splitlines()


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize(
    ("longest", "overlap", "remaining"),
    [
        (1.5, 0.75, 0.5),
        (1.5, 1.4, 0.5),
        (2.0, 0.0, 1.0),
        (1.0, 1 / 3, 2.0),
        (0.3, 0.1, 0.05),
        (1.0005, 0.5, 0.5),
        (1.0, -0.4, 0.5),
    ],
)
def test_same_text_as_the_scripts_loop(longest, overlap, remaining, constant):
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 1000, 200).round(2)
    # Lengths at which a window just fits, or just does not, are among them.
    lengths = np.concatenate([rng.uniform(0, 12, 150), longest + (longest - overlap) * np.arange(50)]).round(2)
    rows = [(f"u{i}", start, start + length) for i, (start, length) in enumerate(zip(starts, lengths, strict=True))]
    config = WindowConfig(duration_s=longest, shift_s=longest - overlap, min_s=remaining, constant=constant)
    ours = list(subsegment_lines([(name, Segment(start, end)) for name, start, end in rows], config))
    assert ours == script_lines(rows, longest, overlap, remaining, constant)


def test_windows_are_those_of_the_lines_in_the_time_of_the_recording():
    speech = [Segment(0.0, 0.3), Segment(1.0, 5.37), Segment(6.0, 7.6)]
    windows = uniform_windows(speech)
    lines = [line.split() for line in subsegment_lines([(str(i), s) for i, s in enumerate(speech)], WindowConfig())]
    offsets = np.array([speech[int(utterance)].start_s for _, utterance, _, _ in lines])
    np.testing.assert_allclose(windows.start_s, offsets + [float(line[2]) for line in lines], atol=5.1e-4)
    np.testing.assert_allclose(windows.end_s, offsets + [float(line[3]) for line in lines], atol=5.1e-4)
    assert windows.speech.tolist() == [int(line[1]) for line in lines]


def test_all_speech_is_in_windows_and_nothing_else():
    rng = np.random.default_rng(1)
    borders = np.cumsum(rng.uniform(0.1, 6, 40))
    speech = [Segment(a, b) for a, b in borders.reshape(-1, 2)]
    for constant in (True, False):
        windows = uniform_windows(speech, WindowConfig(constant=constant))
        assert (np.diff(windows.start_s) > 0).all()
        for i, segment in enumerate(speech):
            start, end = windows.start_s[windows.speech == i], windows.end_s[windows.speech == i]
            assert (start[0], end[-1]) == (segment.start_s, segment.end_s)
            assert (start[1:] <= end[:-1]).all()
            longest = 1.5 if constant else 2.0
            assert ((end - start) <= longest + 1e-9).all()


def test_sums_of_many_shifts_leave_windows_in_order():
    for start_s, end_s, shift_s in ((10.88, 22.18, 0.1), (20.2, 24.55, 0.05), (10.23, 27.27, 0.01)):
        windows = uniform_windows([Segment(start_s, end_s)], WindowConfig(shift_s=shift_s))
        assert (np.diff(windows.start_s) > 0).all() and (np.diff(windows.end_s) >= 0).all()
        assert windows.end_s[-1] == end_s


def test_last_window_is_moved_back_where_it_would_be_short():
    config = WindowConfig(duration_s=2.0, shift_s=2.0, min_s=0.5)
    windows = uniform_windows([Segment(0.0, 4.25)], config)
    assert windows.start_s.tolist() == [0.0, 2.0, 2.25]
    assert windows.end_s.tolist() == [2.0, 4.0, 4.25]


def test_no_speech_no_windows():
    windows = uniform_windows([])
    assert len(windows) == 0
    assert windows.start_s.dtype == np.float64
    assert windows.speech.dtype == np.int64


def test_any_word_switches_constant_duration_on_as_in_the_script():
    constant = [WindowConfig.from_kaldi({"constant-duration": text}).constant for text in ("True", "False", "")]
    assert constant == [True, True, False]
    assert WindowConfig.from_kaldi({}) == WindowConfig(duration_s=30.0, shift_s=25.0, min_s=10.0, constant=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window-length": "2"}, "unknown option --window-length"),
        ({"overlap-duration": "short"}, "--overlap-duration=short: expected a number"),
        ({"overlap-duration": "30"}, "--overlap-duration=30.0 must be below --max-segment-duration=30.0"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        WindowConfig.from_kaldi(options)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"duration_s": 0.0}, "duration_s must be at least 0.01 s, got 0.0"),
        ({"duration_s": float("inf")}, "duration_s must be at least 0.01 s, got inf"),
        ({"shift_s": 1e-9}, "shift_s must be at least 0.01 s, got 1e-09"),
        ({"shift_s": float("nan")}, "shift_s must be at least 0.01 s, got nan"),
        ({"min_s": -0.1}, "min_s must not be negative, got -0.1"),
        ({"shift_s": 2.1, "constant": False}, "shift_s must be at most duration_s \\+ min_s unless constant, got 2.1"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        WindowConfig(**values)
