"""Compare the features of speech with NumPy and SciPy's, on one core.

    python3 benchmarks/features.py --data $SCALING_REAL_DATA/speech/LibriSpeech

Reads the FLAC and WAV files below --data (16 kHz) and computes their log-spectrograms and mel bands in double
precision, since single precision misses the required accuracy. Prints the largest difference of the
spectrograms and the speed of both sides; they run in turn, and the result is the ratio within a pair. Exit
code 0: the difference is below 1e-4, and speech-bench is at least 5 times as fast and at 200 times real time
or more; 1: it is not; 2: bad usage, or a command failed.

Holds all recordings in memory and takes half a minute for ten minutes of them. NumPy, SciPy and soundfile are
installed from PyPI into a virtual environment of their own on first use: `scipy-VERSION` in the cache folder.
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from common import Failure, Parser, build, finish, inside, run

PACKAGES = {"numpy": "2.4.6", "scipy": "1.17.1", "soundfile": "0.14.0"}
LARGEST, REQUIRED, REAL_TIME = 1e-4, 5.0, 200.0
RATE, FRAME, STEP, BANDS = 16_000, 320, 160, 40


def extractor():
    """A function from samples to log-spectrogram and logarithms of mel bands."""
    import numpy as np
    import scipy.fft

    window = np.hanning(FRAME)
    scale = 2 / (np.sum(window**2) * RATE)
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2) / 2595) - 1)
    frequencies = np.linspace(0, RATE / 2, FRAME // 2 + 1)[:, None]
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))

    def features(samples):
        samples = samples.astype(np.float64)
        gain = np.sqrt(0.01 / np.mean(samples**2))
        frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::STEP]
        spectrum = scipy.fft.rfft(frames * (gain * window), axis=1, overwrite_x=True)
        power = spectrum.real**2
        power += spectrum.imag**2
        power *= scale
        power[:, [0, -1]] /= 2
        mel = power @ filters
        power += 1e-14
        mel += 1e-14
        return np.log(power, out=power), np.log(mel, out=mel)

    return features


def compare(binary, files, pairs):
    """Prints differences and speeds; returns whether all that is required is met."""
    import numpy as np
    import soundfile

    sounds = []
    for file in files:
        try:
            samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise Failure(f"{file}: {error.error_string}") from None
        if rate != RATE:
            raise Failure(f"{file} has {rate} samples per second; this script compares files of {RATE}")
        sounds.append(samples.mean(axis=1))
    features = extractor()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectrograms"
        run([binary, "--write", path, *files])
        mine = np.fromfile(path, "<f4").reshape(-1, FRAME // 2 + 1)
    theirs = np.concatenate([features(sound)[0] for sound in sounds])
    if mine.shape != theirs.shape:
        raise Failure(f"speech-bench made {len(mine)} frames, NumPy {len(theirs)}")
    difference = np.abs(mine - theirs).max()
    print(f"largest difference of {len(mine):,} frames: {difference:.1e}, {LARGEST:.0e} at most", flush=True)

    seconds = sum(map(len, sounds)) / RATE
    speeds = []
    for _ in range(pairs):
        start = time.perf_counter()
        for sound in sounds:
            features(sound)
        theirs = seconds / (time.perf_counter() - start)
        printed = run([binary, "--time", "3", *files], stdout=subprocess.PIPE)
        speeds.append((theirs, statistics.median(map(float, printed.split()))))
    ratios = [mine / theirs for theirs, mine in speeds]
    theirs, mine = (statistics.median(side) for side in zip(*speeds))
    ratio = statistics.median(ratios)
    print("| | times real time | ratio [min, max] | required |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| NumPy and SciPy | {theirs:,.0f} | | |")
    print(f"| speech-bench | {mine:,.0f} | {ratio:.2f} [{min(ratios):.2f}, {max(ratios):.2f}] | "
          f"{REQUIRED:.0f} times as fast, {REAL_TIME:.0f} times real time |")
    return difference < LARGEST and ratio >= REQUIRED and mine >= REAL_TIME


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of FLAC or WAV files of 16 kHz")
    parser.add_argument("--pairs", type=int, default=7, help="measurements of either side [default: 7]")
    options = parser.parse_args()
    if options.pairs < 1:
        raise Failure("`--pairs` must be at least 1")
    files = sorted(path for path in options.data.rglob("*") if path.suffix in (".flac", ".wav"))
    if not files:
        raise Failure(f"{options.data} holds no file that ends in .flac or .wav")
    inside(f"scipy-{PACKAGES['scipy']}", **PACKAGES)
    return 0 if compare(build("speech-bench", example="features"), files, options.pairs) else 1


if __name__ == "__main__":
    finish(main)
