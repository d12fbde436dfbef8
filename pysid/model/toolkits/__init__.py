"""Models of other toolkits, as they lie on the disk: read wherever pysid takes a model.

A reader is a module with `claims(path)`, which looks at names of files alone, and `read(path)`.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pysid.errors import DataError, one_line
from pysid.model.toolkits.read import ToolkitModel

READERS = (
    "speechbrain",
    "wespeaker",
    "nemo",
    "pyannote_pipeline",
    "state_dicts",
)  # the first that claims a path reads it


def find_reader(path: Path) -> ModuleType | None:
    """The reader of a path, or None where it does not look like a model of a toolkit."""
    if (path / "config.json").is_file():  # a model directory of pysid
        return None
    return next((reader for reader in _readers() if reader.claims(path)), None)


def read_toolkit_model(path: Path) -> ToolkitModel | None:
    """The model of another toolkit at a path; None where it does not look like one.

    Raises:
        DataError: it looks like one, but its files are damaged, hostile, or of a kind that is not read.
    """
    reader = find_reader(path)
    if reader is None:
        return None
    try:
        found: ToolkitModel = reader.read(path)
    except DataError:
        raise
    except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:  # what the sizes of its tensors lead to
        raise DataError(f"{path}: expected a network of a known toolkit, got: {one_line(error)}") from None
    return found


def _readers() -> Iterator[ModuleType]:
    return (import_module(f"{__name__}.{name}") for name in READERS)
