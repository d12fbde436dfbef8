"""Opening Kaldi files for reading, and writing them, in either format."""

from pysid.io.files import PathLike, atomic_path, read_bytes
from pysid.io.kaldi.binary import BINARY_HEADER, BinaryReader, BinaryWriter
from pysid.io.kaldi.reader import Reader, Writer
from pysid.io.kaldi.text import TextReader, TextWriter


def reader_for(data: bytes, name: str) -> Reader:
    """A reader of the format that `data`, the content of a file called `name`, is in.

    >>> reader_for(b"<Plda> [ 1 ]", "plda").token()
    '<Plda>'
    """
    if data.startswith(BINARY_HEADER):
        return BinaryReader(data, name, start=len(BINARY_HEADER))
    return TextReader(data, name)


def open_reader(path: PathLike) -> Reader:
    """A reader of a file. Raises DataError when the file cannot be read."""
    return reader_for(read_bytes(path), str(path))


def new_writer(binary: bool = True) -> Writer:
    """A writer of Kaldi's binary or text format."""
    return BinaryWriter() if binary else TextWriter()


def write_file(writer: Writer, path: PathLike) -> None:
    """Puts what was written into a file, which appears when it is complete."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(writer.content())
