import pytest

from pysid.diarization import Diarizer


@pytest.fixture(scope="module")
def diarizer() -> Diarizer:
    return Diarizer.load()
