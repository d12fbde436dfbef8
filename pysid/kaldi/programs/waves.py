"""wav-copy, wav-to-duration, extract-segments, extend-wav-with-silence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pysid.augment.silence import extend_with_silence
from pysid.errors import DataError
from pysid.io.table_formats import finite
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import FLOAT, WAVE, WAVE_DURATION
from pysid.kaldi.log import six_digits
from pysid.kaldi.run import Program, Run
from pysid.kaldi.specifiers import parse_rspecifier, parse_wspecifier
from pysid.kaldi.streams import printable_output
from pysid.kaldi.wave import Wave, read_wave, wave_bytes


def _wav_copy(run: Run) -> int:
    n_done = _changed(run, lambda wave: wave)
    if n_done is None:
        run.log.info(f"Copied wave file to {printable_output(run.arguments[1])}")
        return 0
    run.log.info(f"Copied {n_done} wave files")
    return 0 if n_done else 1


def _changed(run: Run, change: Callable[[Wave], Wave]) -> int | None:
    """Writes each wave of a table, changed, and returns their number; or does a single file, and returns None."""
    source, target = run.arguments
    if (parse_rspecifier(source) is None) != (parse_wspecifier(target) is None):
        raise DataError("Cannot mix archives with regular files")
    if parse_rspecifier(source) is None:
        wave = change(read_wave(run.input(source), run.log.warn))
        run.output(target).write(wave_bytes(wave, run.log.warn))
        return None
    writer = run.write(target, WAVE)
    n_done = 0
    for key, wave in run.read(source, WAVE):
        writer.write(key, change(wave))
        n_done += 1
    return n_done


def _extend_with_silence(run: Run) -> int:
    options = {
        "length_s": run.options["extra-silence-length"],
        "search_s": run.options["silence-search-length"],
        "extract_s": run.options["silence-extract-length"],
        "shift_s": run.options["silence-extract-shift"],
    }

    def extended(wave: Wave) -> Wave:
        channels = [extend_with_silence(channel, wave.sample_rate, **options) for channel in wave.samples]
        return Wave(wave.sample_rate, np.stack(channels))

    n_done = _changed(run, extended)
    if n_done is not None:
        run.log.info(f"Successfully extended {n_done} files.")
    return 0


def _wav_to_duration(run: Run) -> int:
    source, target = run.arguments
    writer = run.write(target, FLOAT)
    durations = []
    pairs: Iterator[tuple[str, float | None]]
    if run.options["read-entire-file"]:
        pairs = ((key, wave.duration_s) for key, wave in run.read(source, WAVE))
    else:
        pairs = run.read(source, WAVE_DURATION)
    for key, duration in pairs:
        if duration is None:
            raise DataError(f"member {key} has no duration in header. Check the source, and/or try --read-entire-file.")
        writer.write(key, duration)
        durations.append(duration)
    run.log.info(f"Printed duration for {len(durations)} audio files.")
    if not durations:
        return 1
    mean, low, high = (six_digits(value) for value in (float(np.mean(durations)), min(durations), max(durations)))
    run.log.info(f"Mean duration was {mean}, min and max durations were {low}, {high}")
    return 0


@dataclass(frozen=True)
class _Piece:
    """A line of a segments file: times in seconds; end -1 for the recording's end, channel -1 for the only one."""

    name: str
    recording: str
    start: float
    end: float
    channel: int


def _extract_segments(run: Run) -> int:
    waves = run.lookup(run.arguments[0], WAVE)
    writer = run.write(run.arguments[2], WAVE)
    n_lines = n_done = 0
    for line in run.input(run.arguments[1]):
        n_lines += 1
        try:
            piece = _parse_piece(line.decode().rstrip("\r\n"))
            if piece.recording not in waves:
                raise _Skip(f"Could not find recording {piece.recording}, skipping segment {piece.name}")
            wave = _extract_piece(waves[piece.recording], piece, run)
        except _Skip as reason:
            run.log.warn(str(reason))
            continue
        writer.write(piece.name, wave)
        n_done += 1
    run.log.info(f"Successfully processed {n_done} lines out of {n_lines} in the segments file. ")
    return 0


class _Skip(Exception):
    """Why a line of a segments file gives no segment."""


def _parse_piece(line: str) -> _Piece:
    fields = line.split()
    if len(fields) not in (4, 5):
        raise _Skip(f"Invalid line in segments file: {line}")
    name, recording, *times = fields[:4]
    values = []
    for text, what in zip(times, ("start", "end"), strict=True):
        try:
            values.append(finite(text, what))
        except ValueError:
            raise _Skip(f"Invalid line in segments file [bad {what}]: {line}") from None
    start, end = values
    if start < 0 or (end != -1 and end <= 0) or (start >= end > 0):
        raise _Skip(f"Invalid line in segments file [empty or invalid segment]: {line}")
    channel = fields[4] if len(fields) == 5 else "-1"
    if len(fields) == 5 and not channel.isdecimal():
        raise _Skip(f"Invalid line in segments file [bad channel]: {line}")
    return _Piece(name, recording, start, end, int(channel))


def _extract_piece(wave: Wave, piece: _Piece, run: Run) -> Wave:
    rate, (n_channels, n_samples) = wave.sample_rate, wave.samples.shape
    start = int(piece.start * rate)
    end = n_samples if piece.end == -1 else int(piece.end * rate)
    if start >= n_samples:
        raise _Skip(f"Start sample out of range {start} [length:] {n_samples}, skipping segment {piece.name}")
    if end > n_samples:
        if end >= n_samples + int(run.options["max-overshoot"] * rate):
            raise _Skip(f"End sample too far out of range {end} [length:] {n_samples}, skipping segment {piece.name}")
        end = n_samples
    if end <= start + int(run.options["min-segment-length"] * rate):
        raise _Skip(f"Segment {piece.name} too short, skipping it.")
    if piece.channel == -1 and n_channels != 1:
        raise DataError(
            f"{piece.name}: {piece.recording} has {n_channels} channels, so the segments file must say which"
        )
    if piece.channel >= n_channels:
        raise _Skip(f"Invalid channel {piece.channel} >= {n_channels}, processing segment {piece.name}")
    return Wave(rate, wave.samples[max(piece.channel, 0), None, start:end])


PROGRAMS = {
    "wav-copy": Program(
        "Copy WAV files (16-bit PCM).\n"
        "Usage: wav-copy [options] <wav-rspecifier> <wav-wspecifier>\n"
        "   or: wav-copy [options] <wav-rxfilename> <wav-wxfilename>",
        (2,),
        _wav_copy,
    ),
    "wav-to-duration": Program(
        "Write the duration of each WAV file, in seconds.\n"
        "Usage: wav-to-duration [options] <wav-rspecifier> <duration-wspecifier>",
        (2,),
        _wav_to_duration,
        (Option("read-entire-file", False, "Count the samples instead of trusting the header"),),
    ),
    "extract-segments": Program(
        "Cut segments out of WAV files.\n"
        "Usage: extract-segments [options] <wav-rspecifier> <segments-rxfilename> <wav-wspecifier>\n"
        "A line of the segments file: <segment> <recording> <start> <end> [<channel>], times in seconds;\n"
        "an end of -1 is that of the recording.",
        (3,),
        _extract_segments,
        (
            Option("min-segment-length", 0.1, "Shorter segments are left out (seconds)"),
            Option("max-overshoot", 0.5, "Segments that end this far past the recording are left out (seconds)"),
        ),
    ),
    "extend-wav-with-silence": Program(
        "Extend WAV files with silence, made of the quietest part near their ends.\n"
        "Usage: extend-wav-with-silence [options] <wav-rspecifier> <wav-wspecifier>\n"
        "   or: extend-wav-with-silence [options] <wav-rxfilename> <wav-wxfilename>",
        (2,),
        _extend_with_silence,
        (
            Option("extra-silence-length", 5.0, "Length of what is added (seconds)"),
            Option("silence-search-length", 0.5, "Length at either end where silence is looked for (seconds)"),
            Option("silence-extract-length", 0.05, "Length of the silence to look for (seconds)"),
            Option("silence-extract-shift", 0.025, "Step of the search (seconds)"),
        ),
    ),
}
