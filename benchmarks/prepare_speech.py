"""Measure `speech-bench data prepare`: hours of audio per second, and peak memory.

    python3 benchmarks/prepare_speech.py --data PATH --hours 10

The recordings of a data set in LibriSpeech's layout are linked under new names until they make up the hours
wanted, and listed in a manifest; hard links where the file system allows, else copies. `prepare` reads and
decodes all of them, extracts both series of features and writes them to the disk (0.15 GB an hour);
everything is removed again. Takes seconds for ten hours. Exit code 0: done; 2: bad usage, or a command
failed.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from common import Failure, Parser, build, finish, note, text_of

# One recording in so many validates.
VALIDATES = 20


def seconds(path):
    """The length of a FLAC file, from its STREAMINFO: rate in 20 bits, number of samples in 36."""
    with open(path, "rb") as file:
        head = file.read(26)
    if len(head) < 26 or head[:4] != b"fLaC":
        raise Failure(f"{path} is no FLAC file")
    numbers = int.from_bytes(head[18:26], "big")
    rate, samples = numbers >> 44, numbers & (1 << 36) - 1
    if rate == 0 or samples == 0:
        raise Failure(f"{path} does not tell its length")
    return samples / rate


def utterances(data):
    """(recording, its seconds, transcript) of every utterance below a directory in LibriSpeech's layout."""
    found = []
    for path in sorted(data.rglob("*.trans.txt")):
        for line in text_of(path).splitlines():
            name, _, transcript = line.partition(" ")
            recording = path.parent / f"{name}.flac"
            found.append((recording, seconds(recording), transcript))
    if not found:
        raise Failure(f"{data} holds no *.trans.txt beside recordings")
    return found


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def make(folder, found, hours):
    """Fills a folder with recordings and two manifests; returns the hours that they make up."""
    total, number = 0.0, 0
    with open(folder / "train.jsonl", "w") as train, open(folder / "dev.jsonl", "w") as dev:
        while total < hours * 3600:
            recording, length, transcript = found[number % len(found)]
            below = Path(f"{number // 1000:03}") / f"{number}.flac"
            (folder / below).parent.mkdir(exist_ok=True)
            link(recording, folder / below)
            manifest = dev if number % VALIDATES == 0 else train
            print(json.dumps({"audio_filepath": str(below), "text": transcript}), file=manifest)
            total, number = total + length, number + 1
    return total / 3600


def prepare(binary, folder, cache):
    """Seconds and peak megabytes of one preparation."""
    environment = {**os.environ, "SCALING_CACHE": str(cache)}
    start = time.perf_counter()
    child = subprocess.Popen([binary, "data", "prepare", folder], env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failure(f"`{binary} data prepare` failed: exit code {child.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="recordings in LibriSpeech's layout")
    parser.add_argument("--hours", type=float, default=10.0, help="hours of audio [default: 10]")
    options = parser.parse_args()
    if options.hours <= 0:
        raise Failure("`--hours` must be above 0")
    found, binary = utterances(options.data), build("speech-bench")
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache = Path(temporary) / "set", Path(temporary) / "cache"
        folder.mkdir()
        hours = make(folder, found, options.hours)
        note(f"preparing {hours:.2f} h of audio")
        elapsed, peak = prepare(binary, folder, cache)
        stored = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    print("| audio | time | hours of audio per second | peak memory | stored |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    speed, stored = hours / elapsed, stored / 1e9
    print(f"| {hours:.2f} h | {elapsed:.1f} s | {speed:.3f} | {peak:.0f} MB | {stored:.2f} GB |")
    return 0


if __name__ == "__main__":
    finish(main)
