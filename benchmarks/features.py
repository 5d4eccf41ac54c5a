"""Compare the features of speech with NumPy and SciPy's, on one core.

    python3 benchmarks/features.py --data $SCALING_REAL_DATA/speech/LibriSpeech

Reads the FLAC and WAV files below --data (16 kHz), and computes log-spectrograms and mel bands of them in double
precision: single precision misses the accuracy that is asked for. Prints the largest difference of the
spectrograms and how fast both sides are; they run in turn, and what counts is the ratio within a pair. Exit code
0: the difference is below 1e-4, and speech-bench is at least 5 times as fast and 200 times faster than real time;
1: it is not; 2: bad usage, or something could not be run.

NumPy, SciPy and soundfile are installed from PyPI into a virtual environment of their own on first use:
`scipy-VERSION` in the cache folder.
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGES = {"numpy": "2.4.6", "scipy": "1.17.1", "soundfile": "0.14.0"}
LARGEST, REQUIRED, REAL_TIME = 1e-4, 5.0, 200.0
RATE, FRAME, STEP, BANDS = 16_000, 320, 160, 40
WORKSPACE = Path(__file__).resolve().parent.parent


class Missing(Exception):
    """Why there is nothing to compare with, in one line."""


def python():
    """The Python of the virtual environment, installed if need be."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("SCALING_CACHE") or Path(base) / "scaling-bench").absolute()
    folder = cache / f"scipy-{PACKAGES['scipy']}"
    interpreter = folder / "bin" / "python"
    if not imports(interpreter):
        print(f"installing {', '.join(PACKAGES)} into {folder}", file=sys.stderr, flush=True)
        packages = [f"{name}=={version}" for name, version in PACKAGES.items()]
        install = [interpreter, "-m", "pip", "install", "--quiet", *packages]
        for command in ([sys.executable, "-m", "venv", folder], install):
            if subprocess.run(command, stdout=sys.stderr).returncode != 0:
                raise Missing(f"`{' '.join(map(str, command))}` failed")
    if not imports(interpreter):
        raise Missing(f"{interpreter} does not import {', '.join(PACKAGES)}; remove {folder} and try again")
    return interpreter


def imports(interpreter):
    code = f"import importlib.metadata as m; assert all(m.version(k) == v for k, v in {PACKAGES!r}.items())"
    try:
        return subprocess.run([interpreter, "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def ours(*arguments):
    """What the example `features` of speech-bench prints, once built."""
    program = WORKSPACE / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / "examples" / "features"
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Missing(f"`{program} {arguments[0]} ...` failed")
    return done.stdout


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


def compare(files, pairs):
    import numpy as np
    import soundfile

    sounds = []
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        if rate != RATE:
            raise Missing(f"{file} has {rate} samples per second; this script compares files of {RATE}")
        sounds.append(samples.mean(axis=1))
    features = extractor()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectrograms"
        ours("--write", path, *files)
        mine = np.fromfile(path, "<f4").reshape(-1, FRAME // 2 + 1)
    theirs = np.concatenate([features(sound)[0] for sound in sounds])
    if mine.shape != theirs.shape:
        raise Missing(f"speech-bench made {len(mine)} frames, NumPy {len(theirs)}")
    difference = np.abs(mine - theirs).max()
    print(f"largest difference of {len(mine):,} frames: {difference:.1e}, {LARGEST:.0e} at most", flush=True)

    seconds = sum(map(len, sounds)) / RATE
    speeds = []
    for _ in range(pairs):
        start = time.perf_counter()
        for sound in sounds:
            features(sound)
        theirs = seconds / (time.perf_counter() - start)
        speeds.append((theirs, statistics.median(map(float, ours("--time", "3", *files).split()))))
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of FLAC or WAV files of 16 kHz")
    parser.add_argument("--pairs", type=int, default=7, help="measurements of either side [default: 7]")
    options = parser.parse_args()
    if options.pairs < 1:
        raise Missing("`--pairs` must be at least 1")
    files = sorted(path for path in options.data.rglob("*") if path.suffix in (".flac", ".wav"))
    if not files:
        raise Missing(f"{options.data} holds no file that ends in .flac or .wav")
    interpreter = python()
    if Path(sys.prefix) != interpreter.parent.parent:
        sys.stdout.flush()
        os.execv(interpreter, [str(interpreter), *sys.argv])
    build = ["cargo", "build", "--quiet", "--release", "-p", "speech-bench", "--example", "features"]
    if subprocess.run(build, cwd=WORKSPACE).returncode != 0:
        raise Missing(f"`{' '.join(build)}` failed")
    return 0 if compare(files, options.pairs) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Missing, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
