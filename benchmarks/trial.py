"""Does training as it really happens keep the speed that `lm-bench throughput` shows?

    python3 benchmarks/trial.py --data PATH --model word-lstm2 --size 128

Runs a trial of a study on text (data, logging and checkpoints counted, evaluation not) and `throughput` with
the same model, batch and threads, in turn, and prints the ratio of their rates. Takes a few minutes on an
idle machine. Exit code 0: the median is at least 95 %; 1: it is not; 2: bad usage, or a command failed.
"""

import json
import statistics
import tempfile
from pathlib import Path

from common import Failure, Parser, build, finish, measure, run

LEAST = 0.95


def trial(binary, options, folder):
    """GFLOP/s of the updates of a trial, its batch and its parameters."""
    settings = {"shards": options.shard, "sizes": options.size}
    settings |= {"batch_sizes": options.batch, "epochs": options.epochs}
    settings |= {"checkpoint_seconds": 10, "validation": 5000, "sgd_rates": 0.2, "patience": options.epochs}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    study = ["study", "--data", options.data, "--model", options.model, "--jobs", 1, "--out", folder, *words]
    run([binary, *study], capture_output=True)
    (trial,) = Path(folder).glob("trials/*")
    names = ("cost.json", "config.json", "result.json")
    cost, config, result = (json.loads((trial / name).read_text()) for name in names)
    rate = cost["flops"] / (cost["seconds"] - cost["evaluation_seconds"]) / 1e9
    return rate, config["optimization"]["batch"], result["parameters"]


def throughput(binary, options, batch, parameters):
    """GFLOP/s of the stopwatch with the same model and batch."""
    shapes = ["--model", options.model, "--size", options.size, "--batch", batch]
    found = measure([binary, "throughput", "--json", *shapes])
    if found["parameters"] != parameters:
        raise Failure(f"the models differ: {parameters} parameters in the trial, {found['parameters']} here; "
                      "the text must have at least as many symbols as the vocabulary")
    return found["gflops"]


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--data", required=True, help="text, as for `lm-bench study`")
    parser.add_argument("--model", default="word-lstm2", help="[default: word-lstm2]")
    parser.add_argument("--size", type=int, default=128, help="hidden units [default: 128]")
    parser.add_argument("--batch", type=int, default=32, help="sequences in an update [default: 32]")
    parser.add_argument("--shard", type=int, default=100_000, help="words to train on [default: 100000]")
    parser.add_argument("--epochs", type=int, default=4, help="[default: 4]")
    parser.add_argument("--pairs", type=int, default=3, help="measurements of either side [default: 3]")
    options = parser.parse_args()
    if options.pairs < 1:
        raise Failure("`--pairs` must be at least 1")
    binary = build("lm-bench")
    ratios = []
    for _ in range(options.pairs):
        with tempfile.TemporaryDirectory() as folder:
            rate, batch, parameters = trial(binary, options, folder)
            ratios.append(rate / throughput(binary, options, batch, parameters))
        rate = 100 * ratios[-1]
        print(f"{options.model} {options.size}: a trial at {rate:.1f} % of throughput", flush=True)
    median = statistics.median(ratios)
    verdict = "met" if median >= LEAST else "MISSED"
    print(f"median {100 * median:.1f} %, required {100 * LEAST:.0f} %: {verdict}")
    return 0 if median >= LEAST else 1


if __name__ == "__main__":
    finish(main)
