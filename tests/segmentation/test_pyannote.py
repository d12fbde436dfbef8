import pytest
import torch
import torch.nn.functional as F

from pysid.segmentation.pyannote import PyanNet, PyanNetConfig, published_names


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = PyanNet().eval()
    # The edges that SincNet starts from: evenly spread on the mel scale.
    network.low_hz.data[:, 0] = torch.linspace(0, 3000, 40)
    network.band_hz.data[:, 0] = torch.linspace(20, 400, 40)
    return network


def test_frames_of_ten_seconds(network):
    with torch.no_grad():
        found = network(torch.randn(2, 160000) * 1000)
    assert found.shape == (2, 589, 7)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(2, 589))
    assert network.grid.step_s == 270 / 16000
    assert PyanNetConfig().field_samples == 991
    # Centre of the first frame: that of its 991 samples.
    assert network.grid.first_s + network.grid.step_s / 2 == pytest.approx(991 / 2 / 16000)


def test_a_window_is_heard_by_itself(network):
    x = torch.randn(3, 16000) * torch.tensor([1.0, 100.0, 1000.0])[:, None]
    with torch.no_grad():
        together, alone = network(x), torch.cat([network(row[None]) for row in x])
        torch.testing.assert_close(network(x * 7), together, rtol=1e-3, atol=1e-3)  # and whatever its level
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_a_filter_lets_its_band_through(network):
    filters = network.filters().detach()[:, 0]
    low = 50 + network.low_hz.detach()[:, 0]
    centre = low + (50 + network.band_hz.detach()[:, 0]) / 2
    response = torch.fft.rfft(filters, 16000).abs()  # a bin for each Hz
    for k in (5, 20, 39):
        own = int(centre[k])
        far = (own + 4000) % 8000
        for row in (response[k], response[40 + k]):
            assert row[own] > 0.4 * row.max()
            assert row[far] < 0.05 * row.max()


def test_odd_filters_are_odd(network):
    filters = network.filters().detach()[:, 0]
    torch.testing.assert_close(filters[:40].flip(1), filters[:40])
    torch.testing.assert_close(filters[40:].flip(1), -filters[40:])


def test_published_names_are_those_of_the_network(network):
    theirs = {}
    for name, x in network.state_dict().items():
        for ours, published in {
            "low_hz": "sincnet.conv1d.0.filterbank.low_hz_",
            "band_hz": "sincnet.conv1d.0.filterbank.band_hz_",
            "wave_norm.": "sincnet.wav_norm1d.",
            "convs.0.": "sincnet.conv1d.1.",
            "convs.1.": "sincnet.conv1d.2.",
            "norms.": "sincnet.norm1d.",
        }.items():
            if name.startswith(ours):
                theirs[published + name.removeprefix(ours)] = x
                break
        else:
            theirs[name] = x
    theirs["sincnet.conv1d.0.filterbank.window_"] = torch.zeros(125)
    theirs["sincnet.conv1d.0.filterbank.n_"] = torch.zeros(1, 125)
    assert set(published_names(theirs)) == set(network.state_dict())


def test_too_short_windows_are_refused(network):
    with pytest.raises(ValueError, match=r"samples >= 991\), got \(1, 990\)"):
        network(torch.zeros(1, 990))


def test_silence_is_no_error(network):
    with torch.no_grad():
        assert torch.isfinite(network(torch.zeros(1, 16000))).all()
    assert F.relu(network.low_hz).min() >= 0
