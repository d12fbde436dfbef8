"""Tables with Gaussians, or Gaussians and posteriors, for each frame."""

import io

import numpy as np
import pytest

from pysid.ivector import Chosen, Posteriors
from pysid.kaldi.log import Log
from pysid.kaldi.posterior_holders import CHOSEN, POSTERIORS

LOG = Log("test")
SOME = Chosen(np.array([2, 0, 1]), np.array([1, 7, 2]))
WEIGHTS = np.array([0.6, 0.4, 1.0], np.float32)
HOLDERS = {"gselect": (CHOSEN, SOME), "posteriors": (POSTERIORS, Posteriors(SOME.counts, SOME.gaussians, WEIGHTS))}


def read(holder, data):
    return holder.read(io.BytesIO(data), b" ", LOG)


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("n_frames", [0, 3])
def test_there_and_back(name, binary, n_frames):
    holder, value = HOLDERS[name]
    n = int(value.counts[:n_frames].sum())
    parts = [value.counts[:n_frames], value.gaussians[:n], *([WEIGHTS[:n]] if name == "posteriors" else [])]
    value = type(value)(*parts)
    found = read(holder, holder.write(value, binary, LOG))
    for key, array in vars(value).items():
        np.testing.assert_array_equal(getattr(found, key), array)


def test_forms_are_kaldis():
    chosen, posteriors = (holder.write(value, False, LOG) for holder, value in HOLDERS.values())
    assert chosen == b"1 7 ; ; 2 ; \n"
    assert posteriors == b"[ 1 0.6 7 0.4 ] [ ] [ 2 1 ] \n"
    binary = CHOSEN.write(Chosen(np.array([1]), np.array([5])), True, LOG)
    assert binary == b"\0B\4\1\0\0\0\4\1\0\0\0\4\5\0\0\0"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("gselect", b"1 7 ; 2\n", "expected a semicolon after the Gaussians of each frame, got '1 7 ; 2"),
        ("gselect", b"1 x ;\n", "expected integers, got '1 x ;"),
        ("gselect", b"\0B\4\xff\xff\xff\xff", "expected a size of 0 or more, got -1"),
        ("gselect", b"\0B\4\1\0\0\0\4\2\0\0\0\4\5\0\0\0", "cut off: expected 10 bytes of a frame's entries, got 5"),
        ("gselect", b"\0B\4\1\0\0\0\4\1\0\0\0\x08\5\0\0\0", "expected integers of 4 bytes"),
        ("gselect", b"\0B\4\1\0", "expected an integer of 4 bytes"),
        ("posteriors", b"[ 1 0.6 7 ]\n", r"expected posteriors such as \[ 3 0.75 8 0.25 \] for each frame"),
        ("posteriors", b"[ 1 0.6\n", "expected posteriors such as"),
        ("posteriors", b"[ x 0.6 ]\n", "expected Gaussians and posteriors, got"),
        (
            "posteriors",
            b"\0B\4\1\0\0\0\4\1\0\0\0\4\5\0\0\0\x08" + bytes(4),
            "expected posteriors of 4 bytes",
        ),
    ],
)
def test_what_is_broken_is_named(name, data, message):
    with pytest.raises(ValueError, match=message):
        read(HOLDERS[name][0], data)
