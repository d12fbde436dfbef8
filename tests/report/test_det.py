import subprocess
import sys

import numpy as np
import pytest
from scipy.special import ndtri

from pysid.errors import DataError
from pysid.metrics import equal_error_rate
from pysid.report.det import plot_det, save_det_plot


@pytest.fixture
def systems():
    rng = np.random.default_rng(0)
    return {
        name: (rng.normal(distance, 1, size=2000), rng.normal(0, 1, size=20_000))
        for name, distance in [("strong", 4.0), ("weak", 2.0)]
    }


def test_figure_shows_each_system_with_its_eer(systems, tmp_path):
    figure = plot_det(systems, title="two systems")
    axes = figure.axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    for label, (name, scores) in zip(labels, systems.items(), strict=True):
        assert label == f"{name} (EER {100 * equal_error_rate(*scores)[0]:.4g}%)"
    marks = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
    for mark, scores in zip(marks, systems.values(), strict=True):
        np.testing.assert_allclose(mark, np.full((1, 2), ndtri(equal_error_rate(*scores)[0])), atol=0.01)
    figure.savefig(tmp_path / "det.png")
    assert (tmp_path / "det.png").read_bytes().startswith(b"\x89PNG")


def test_the_mark_lies_on_the_curve_of_few_scores():
    axes = plot_det({"few": ([1.0, 2.0, 5.0, 6.0, 7.0], [0.0, 1.5, 2.5, 3.0])}, limits=(0.01, 0.9)).axes[0]
    (mark,) = (line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o")
    curve = next(line for line in axes.lines if line.get_label().startswith("few")).get_xydata()
    along, to = np.diff(curve, axis=0), mark - curve[:-1]
    share = np.clip((along * to).sum(1) / (along**2).sum(1), 0, 1)
    assert np.linalg.norm(to - share[:, None] * along, axis=1).min() < 1e-9
    assert mark[0] == pytest.approx(mark[1])


def test_gaussian_scores_give_a_straight_line_of_slope_minus_one(systems):
    axes = plot_det(systems, limits=(0.02, 0.4)).axes[0]
    curve = next(line for line in axes.lines if line.get_label().startswith("weak")).get_xydata()
    low, high = ndtri([0.02, 0.4])
    shown = curve[((curve > low) & (curve < high)).all(axis=1)]
    assert len(shown) > 100
    np.testing.assert_allclose(shown.sum(axis=1), -2, atol=0.15)


def test_perfect_scores_can_be_drawn(tmp_path):
    figure = plot_det({"perfect": ([2.0, 3.0], [0.0, 1.0])})
    assert all(np.isfinite(line.get_xydata()).all() for line in figure.axes[0].lines)
    figure.savefig(tmp_path / "det.png")


@pytest.mark.parametrize(("name", "start"), [("det.png", b"\x89PNG"), ("det.svg", b"<?xml"), ("det.pdf", b"%PDF")])
def test_the_ending_says_the_format(systems, tmp_path, name, start):
    save_det_plot(tmp_path / name, systems)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_unknown_ending_is_refused_before_anything_is_written(systems, tmp_path):
    with pytest.raises(DataError, match=r"det.doc: a plot needs one of the endings .*pdf.*, got 'doc'"):
        save_det_plot(tmp_path / "det.doc", systems)
    assert not list(tmp_path.iterdir())


def test_ticks_are_percentages_within_the_limits(systems):
    axes = plot_det(systems, limits=(0.01, 0.5)).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "5", "10", "20", "40"]
    np.testing.assert_allclose(axes.get_xlim(), ndtri([0.01, 0.5]))


def test_wrong_arguments(systems):
    with pytest.raises(ValueError, match="at least one system"):
        plot_det({})
    with pytest.raises(ValueError, match="0 < low < high < 1, got"):
        plot_det(systems, limits=(0.5, 0.1))


def test_matplotlib_is_imported_only_to_draw_and_pyplot_never():
    code = (
        "import sys, pysid.report.det as det; assert 'matplotlib' not in sys.modules;"
        "det.plot_det({'a': ([1.0], [0.0])}); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
