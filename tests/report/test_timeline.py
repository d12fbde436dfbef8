import io
from itertools import permutations

import numpy as np
import pytest
from rich.console import Console

from pysid.metrics.diarization import error_pieces
from pysid.report.timeline import compare_labels, print_timeline, render_timeline
from pysid.segments import Segment, Turn

TURNS = [Turn(Segment(0.0, 2.0), "anna"), Turn(Segment(1.9, 4.0), "ben"), Turn(Segment(14.0, 15.0), "anna")]
REFERENCE = [Turn(Segment(0.0, 3.0), "A"), Turn(Segment(3.0, 4.0), "B")]


def printed(renderable, width=80, encoding="utf-8", **options):
    """The lines that a console of that kind gets, and the bytes."""
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding, newline="\n")
    Console(file=file, width=width, **({"legacy_windows": False} | options)).print(renderable)
    file.flush()
    return buffer.getvalue().decode(encoding).splitlines()


def test_a_column_is_filled_by_how_much_of_it_is_speech():
    turns = [Turn(Segment(i, i + share), "a") for i, share in enumerate([0.01, 0.06, 0.07, 0.13, 0.19, 0.25])]
    # Columns of 0.25 s: the first of each second has 4, 24, 28, 52, 76, 100% of speech.
    row = printed(render_timeline(turns, 6.0))[1]
    assert row == "a " + "".join(level + "···" for level in "░░▒▓██")


def test_turns_of_a_speaker_that_overlap_count_once():
    once = render_timeline([Turn(Segment(1.1, 3.3), "a")], 6.0)
    twice = render_timeline([Turn(Segment(2.0, 3.3), "a"), Turn(Segment(1.1, 2.5), "a")], 6.0)
    assert printed(once) == printed(twice)


def test_bands_cover_the_recording_once():
    lines = printed(render_timeline(TURNS, 16.0), width=30)
    assert lines == [
        "     |0:00       |0:03",
        "anna ████████················",
        "ben  ·······▒████████········",
        "",
        "     |0:06       |0:09",
        "",
        "     |0:12       |",
        "anna ········████····",
        "",
        "a column is 0.25 s",
    ]


@pytest.mark.parametrize("width", [20, 80, 200])
@pytest.mark.parametrize("duration_s", [0.1, 29.9, 600.0, 3600.0, 36_000.0, 360_000.0])
def test_nothing_is_too_wide_or_too_long(width, duration_s):
    turns = [Turn(Segment(0.0, duration_s), name) for name in ("short", "a name that is much too long")]
    lines = printed(render_timeline(turns, duration_s), width)
    assert max(map(len, lines)) <= width
    assert 1 <= sum(line.lstrip().startswith("|") for line in lines) <= 8
    column_s = float(lines[-1].split()[3])
    n_filled = sum(character in "░▒▓█" for line in lines for character in line)
    assert n_filled / len(turns) == np.ceil(duration_s / column_s)


def test_errors_and_reference_lie_below():
    errors = error_pieces(REFERENCE, TURNS)
    lines = printed(render_timeline(TURNS, 16.0, REFERENCE, errors))
    assert lines[:6] == [
        "       |0:00       |0:03       |0:06       |0:09       |0:12       |",
        "anna   ████████················································████····",
        "ben    ·······▒████████················································",
        "ref A  ████████████····················································",
        "ref B  ············████················································",
        "errors ·······fCCCC············································FFFF····",
    ]
    assert lines[-1] == "M missed, F false alarm, C confusion; small: less than half of the column"


def test_the_width_can_be_given():
    assert len(printed(render_timeline(TURNS, 16.0, width=42), width=80)[0]) < 42


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch):
    timeline = render_timeline(TURNS, 16.0, REFERENCE)
    assert "\x1b" not in "".join(printed(timeline))
    colourful = "\n".join(printed(timeline, force_terminal=True, color_system="standard"))
    assert "\x1b[36m████████" in colourful
    assert "ref A \x1b[36m████" in colourful  # who is the same has the same colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in "".join(printed(timeline, force_terminal=True, color_system="standard"))


def test_ascii_where_there_is_no_utf_8():
    turns = [Turn(Segment(0.0, 2.1), "Zoë"), *TURNS]
    lines = printed(render_timeline(turns, 16.0), encoding="latin-1")
    assert "\n".join(lines).isascii()
    assert lines[2].startswith("Zo?  ########+..")


def test_a_name_cannot_write_to_the_terminal():
    turns = [Turn(Segment(0.0, 1.0), "\x1b[2Jx\r\n[red]y")]
    lines = printed(render_timeline(turns, 2.0))
    assert lines[1] == "?[2Jx??[red]y ████····"


def test_nobody_speaks():
    assert printed(render_timeline([], 2.0, [], [])) == [
        "       |0:00",
        "",
        "a column is 0.25 s",
        "M missed, F false alarm, C confusion; small: less than half of the column",
    ]


@pytest.mark.parametrize("duration_s", [0.0, float("nan"), float("inf")])
def test_the_duration_must_be_one(duration_s):
    with pytest.raises(ValueError, match="a timeline needs a duration above 0 s"):
        render_timeline(TURNS, duration_s)


def test_printing_goes_to_standard_output(capsys):
    print_timeline(TURNS, 16.0)
    assert capsys.readouterr().out.splitlines()[1].startswith("anna ")


def test_labels_are_paired_before_they_are_compared():
    lines = printed(compare_labels(["x", "x", "x", "y", "y", "z"], [5, 5, 3, 3, 3, 9]))
    assert lines == [
        "reference  000112",
        "hypothesis 001112",
        "             ^",
        "",
        "5 of 6 windows are right (83.3%)",
    ]


def test_the_pairing_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for _ in range(30):
        true, found = rng.integers(0, 4, (2, 20))
        best = max(np.sum(np.array(order)[found] == true) for order in permutations(range(4)))
        assert compare_labels(true, found).right.sum() == best


def test_speakers_left_over_get_letters_of_their_own():
    lines = printed(compare_labels([0, 0, 0, 0], [0, 0, 1, 2]))
    assert lines[:3] == ["reference  0000", "hypothesis 0012", "             ^^"]
    assert printed(compare_labels([0, 1], [0, 0]))[1] == "hypothesis 00"
    many = printed(compare_labels(np.zeros(70, int), np.arange(70)), width=100)[1]
    assert many == "hypothesis 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ++++++++"


def test_labels_are_wrapped():
    labels = np.repeat([0, 1], 30)
    lines = printed(compare_labels(labels, 1 - labels), width=51)
    assert lines == [
        "reference  " + 30 * "0" + 10 * "1",
        "hypothesis " + 30 * "0" + 10 * "1",
        "",
        "reference  " + 20 * "1",
        "hypothesis " + 20 * "1",
        "",
        "60 of 60 windows are right (100.0%)",
    ]


def test_labels_of_no_windows():
    assert printed(compare_labels([], [])) == ["0 of 0 windows are right"]


def test_labels_that_do_not_fit():
    with pytest.raises(ValueError, match=r"a label of either kind for each window, got shapes \(2,\) and \(3,\)"):
        compare_labels([0, 1], [0, 1, 2])
