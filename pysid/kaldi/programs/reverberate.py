"""wav-reverberate."""

from pysid.augment.channels import reverberate_channels
from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.run import Program, Run
from pysid.kaldi.streams import printable_input
from pysid.kaldi.wave import Wave, read_wave, wave_bytes


def _wav_reverberate(run: Run) -> int:
    options = run.options
    if options["multi-channel-output"] and (options["rir-channel"] or options["noise-channel"]):
        run.log.warn("options for --rir-channel and --noise-channel are ignored as --multi-channel-output is true.")
    wave = read_wave(run.input(run.arguments[0]), run.log.warn)
    rir = options["impulse-response"]
    result = reverberate_channels(
        wave.samples,
        wave.sample_rate,
        _read(run, rir, wave.sample_rate).samples if rir else None,
        [_read(run, name, wave.sample_rate).samples for name in _split(options["additive-signals"])],
        multi_channel_output=options["multi-channel-output"],
        input_channel=options["input-wave-channel"],
        rir_channel=options["rir-channel"],
        noise_channel=options["noise-channel"],
        snrs_db=_noise_numbers(run, "snrs"),
        start_times_s=_noise_numbers(run, "start-times"),
        duration_s=max(options["duration"], 0.0),
        shift_output=options["shift-output"],
        normalize_output=options["normalize-output"],
        volume=options["volume"],
    )
    run.output(run.arguments[1]).write(wave_bytes(Wave(wave.sample_rate, result), run.log.warn))
    return 0


def _read(run: Run, name: str, sample_rate: int) -> Wave:
    wave = read_wave(run.input(name), run.log.warn)
    if wave.sample_rate != sample_rate:
        raise DataError(f"{printable_input(name)}: expected {sample_rate} Hz like the input, got {wave.sample_rate} Hz")
    return wave


def _noise_numbers(run: Run, option: str) -> list[float]:
    """The numbers of an option, one for each additive signal; ignored if there are no signals."""
    n_signals = len(_split(run.options["additive-signals"]))
    words = _split(run.options[option]) if n_signals else []
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise DataError(f"--{option}: expected numbers, got {run.options[option]!r}") from None
    if len(numbers) != n_signals:
        raise DataError(f"--{option}: expected a number for each of {n_signals} additive signals, got {len(numbers)}")
    return numbers


def _split(text: str) -> list[str]:
    """Splits at commas; as in Kaldi, a command with a comma in it is split, too."""
    return [word for word in text.split(",") if word]


PROGRAMS = {
    "wav-reverberate": Program(
        "Put speech into a room, and add noises to it.\n"
        "Usage: wav-reverberate [options] <wav-in-rxfilename> <wav-out-wxfilename>\n"
        "e.g.: wav-reverberate --duration=20.25 --impulse-response=rir.wav --additive-signals='noise1.wav,noise2.wav'"
        " --snrs='20.0,15.0' --start-times='0,17.8' input.wav output.wav",
        (2,),
        _wav_reverberate,
        (
            Option("multi-channel-output", False, "Give an output for each channel of the response"),
            Option("shift-output", True, "Begin at the peak of the response; without it the output is longer"),
            Option("input-wave-channel", 0, "Channel of the input to use"),
            Option("rir-channel", 0, "Channel of the response to use, for an output of one channel"),
            Option("noise-channel", 0, "Channel of the noises to use, for an output of one channel"),
            Option("impulse-response", "", "File of the room response, or a command: 'sox rir.wav -t wav - |'"),
            Option("additive-signals", "", "Files of noises, or commands, separated by commas"),
            Option("snrs", "", "Signal-to-noise ratio in dB of each noise, separated by commas"),
            Option("start-times", "", "Where each noise begins in the input (seconds), separated by commas"),
            Option("normalize-output", True, "Give the output the power of the input"),
            Option("duration", 0.0, "If not 0, cut or repeat the output to this (seconds)"),
            Option("volume", 0.0, "If not 0, multiply the output by this instead of --normalize-output"),
        ),
    ),
}
