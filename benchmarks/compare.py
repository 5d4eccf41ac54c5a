"""Compare the training speed of the binaries with PyTorch's.

One command and nothing to prepare: PyTorch is installed into a virtual environment of its own on first use,
and the binaries are built. The two sides run in turn, so that both meet the same state of the machine, and what counts
is the ratio within a pair. Exit code 0: every required ratio is met; 1: one is missed; 2: bad usage, or
something could not be run.
"""

import argparse
import datetime
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from with_torch import Missing, environment as torch_environment, prepare

ROOT = Path(__file__).resolve().parent.parent
BATCH = 32
# Where both sides use LibTorch's layers.
REQUIRED_ON_TCH = {"lm-bench": 0.9, "nmt-bench": 0.9, "speech-bench": 0.9, "vision-bench": 0.95}


class Configuration(NamedTuple):
    """A model, its shapes, and the least ratio of its binary's speed to PyTorch's."""

    model: str
    size: float
    vocab: int
    length: int
    required: float
    batch: int = BATCH

    @property
    def binary(self):
        if self.model.startswith("resnet"):
            return "vision-bench"
        if self.model in ("ds2", "attention"):
            return "speech-bench"
        return "nmt-bench" if self.model == "nmt" else "lm-bench"

    @property
    def unit(self):
        return {"vision-bench": "images", "speech-bench": "frames"}.get(self.binary, "tokens")

    def __str__(self):
        if self.binary == "vision-bench":
            return f"{self.model} f{self.size} {self.length}x{self.length} B{self.batch}"
        if self.binary == "speech-bench":
            return f"{self.model} {'h' if self.model == 'ds2' else 'e'}{self.size} T{self.length} B{self.batch}"
        if self.binary == "nmt-bench":
            return f"{self.model} d{self.size} V{self.vocab} T{self.length}"
        return f"{self.model} h{self.size} V{self.vocab} T{self.length}"


CONFIGURATIONS = [
    Configuration("word-lstm2", 64, 10_004, 80, 1.5),
    Configuration("word-lstm2", 128, 10_004, 80, 1.5),
    Configuration("word-lstm2", 256, 10_004, 80, 1.4),
    Configuration("word-lstm2", 512, 10_004, 80, 1.25),
    Configuration("word-lstm2", 64, 98, 80, 1.2),
    Configuration("word-lstm2", 128, 98, 80, 1.4),
    Configuration("word-lstm2", 256, 98, 80, 1.4),
    Configuration("word-rhn5", 128, 10_004, 80, 2.0),
    Configuration("char-rhn10", 64, 98, 150, 4.0),
    Configuration("char-rhn10", 128, 98, 150, 4.0),
    Configuration("char-rhn10", 256, 98, 150, 2.5),
    Configuration("nmt", 108, 8_000, 25, 2.0),
    Configuration("nmt", 208, 8_000, 25, 2.0),
    Configuration("nmt", 108, 36_547, 25, 2.0),
    Configuration("ds2", 64, 29, 400, 1.2, 8),
    Configuration("ds2", 128, 29, 400, 1.2, 8),
    Configuration("attention", 64, 31, 400, 1.8, 8),
    Configuration("attention", 128, 31, 400, 1.8, 8),
    Configuration("resnet18", 0.25, 1000, 64, 1.0),
    Configuration("resnet18", 1.0, 1000, 64, 1.0),
    Configuration("resnet18", 0.25, 1000, 224, 1.0, 16),
]


class Failure(Exception):
    """What stops the benchmark, in one line."""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(message)


def note(text):
    """Progress goes to stderr; stdout is for the report."""
    print(text, file=sys.stderr, flush=True)


def run(command, **keywords):
    """What a command prints, if that is captured; raises with the end of its stderr if it fails."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, text=True, **keywords)
    except OSError as error:
        raise Failure(f"cannot run {command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        lines = (done.stderr or "").strip().splitlines() or [f"exit code {done.returncode}"]
        raise Failure(f"`{shlex.join(command)}` failed: {lines[-1]}")
    return done.stdout


def measure(command, environment=None):
    """The JSON document that a command prints."""
    output = run(command, capture_output=True, env=environment)
    try:
        return json.loads(output)
    except ValueError:
        raise Failure(f"{command[0]} printed no JSON but {output[:60]!r}") from None


def build(binary, device, environment, folder):
    """Builds a binary with what the device needs; a copy, because builds for other devices overwrite it."""
    command = ["cargo", "build", "--release", "-p", binary]
    if device == "tch:cpu":
        command += ["--features", "tch"]
    run(command, cwd=ROOT, env=environment, stdout=sys.stderr)
    return shutil.copy(ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / binary, folder)


def compare(configuration, peer, ours, environment, pairs):
    """Measures a configuration in pairs, first PyTorch, then ours; all figures and the ratios."""
    c, results = configuration, []
    shapes = ["--model", c.model, "--size", c.size, "--vocab", c.vocab, "--length", c.length, "--batch", c.batch]
    for number in range(1, pairs + 1):
        sides = measure([*peer, *shapes]), measure([*ours, *shapes], environment)
        work = [side["gflops"] * 1e9 / side["samples_per_second"] for side in sides]
        if abs(work[0] / work[1] - 1) > 1e-6:
            raise Failure(f"{c}: the sides count {work[0]:.0f} and {work[1]:.0f} operations per sample")
        ratio = sides[1]["samples_per_second"] / sides[0]["samples_per_second"]
        results.append({"pytorch": sides[0], "ours": sides[1], "ratio": ratio})
        note(f"{c}, pair {number} of {pairs}: ratio {ratio:.2f}")
    ratio = statistics.median(result["ratio"] for result in results)
    return {"name": str(c), "unit": c.unit, **c._asdict(), "ratio": ratio, "met": ratio >= c.required, "pairs": results}


def row(result, peak):
    """A configuration as cells of the table."""
    sides = [[pair[side] for pair in result["pairs"]] for side in ("pytorch", "ours")]
    speeds = [statistics.median(figures["samples_per_second"] for figures in side) for side in sides]
    rates = [statistics.median(figures["gflops"] for figures in side) for side in sides]
    memory = [max(figures["peak_memory"] for figures in side) for side in sides]
    ratios = [pair["ratio"] for pair in result["pairs"]]
    return [
        result["name"],
        *(f"{speed:,.0f} {result['unit']}" for speed in speeds),
        f"{result['ratio']:.2f} [{min(ratios):.2f}, {max(ratios):.2f}]",
        f"{result['required']:.2f} {'met' if result['met'] else 'MISSED'}",
        *(f"{rate:.1f} ({100 * rate / peak:.0f} %)" for rate in rates),
        *(f"{size / 1e6:,.0f}" for size in memory),
    ]


def report(record):
    """Circumstances and table, as Markdown that also reads well in a terminal."""
    sgemm = record["sgemm"]
    head = ["configuration", "PyTorch /s", "ours /s", "ratio [min, max]", "required"]
    head += ["PyTorch GFLOP/s", "our GFLOP/s", "PyTorch peak MB", "our peak MB"]
    table = [head, *(row(result, sgemm["gflops"]) for result in record["configurations"])]
    widths = [max(map(len, column)) for column in zip(*table)]
    table.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    lines = [
        f"- `{record['command']}`, {record['date']}",
        f"- {record['cpu']}, {record['threads']} threads, load average {record['load']:.2f} at the start",
        f"- PyTorch {sgemm['torch']} (oneDNN: {sgemm['mkldnn']}); ours on `{record['device']}`; batch {BATCH} unless stated (B)",
        f"- medians over {record['pairs']} pair(s); in brackets: % of PyTorch's sgemm, {sgemm['gflops']:.0f} GFLOP/s",
        "",
    ]
    for name, *cells in table:
        padded = [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:]))]
        lines.append(f"| {' | '.join(padded)} |")
    return "\n".join(lines) + "\n"


def cpu_name():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unknown CPU")


def parse_options():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "tch:cpu"], default="cpu", help="of our side")
    parser.add_argument("--threads", type=int, default=2, help="of either side [default: 2]")
    parser.add_argument("--pairs", type=int, default=5, help="measurements of either side [default: 5]")
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="configurations, as rhn, 'h64 V98', nmt, ds2 or resnet")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the report")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    options = parser.parse_args()
    if options.threads < 1 or options.pairs < 1:
        raise Failure("`--threads` and `--pairs` must be at least 1")
    chosen = CONFIGURATIONS
    if options.device == "tch:cpu":
        chosen = [c._replace(required=REQUIRED_ON_TCH[c.binary]) for c in chosen if "rhn" not in c.model]
    options.configurations = [c for c in chosen if options.only in str(c)]
    if not options.configurations:
        raise Failure(f"`--only {options.only}` matches none of: {', '.join(map(str, chosen))}")
    for path in (options.markdown, options.json):
        if path:
            path.touch()  # fails now rather than after an hour
    return options


def main(options, folder):
    load = os.getloadavg()[0]
    if load > 0.5:
        note(f"warning: the load average is {load:.2f}; other work on this machine distorts the figures")
    python, libraries = prepare()
    environment = torch_environment(python, libraries) if options.device == "tch:cpu" else dict(os.environ)
    names = {configuration.binary for configuration in options.configurations}
    binaries = {name: build(name, options.device, environment, folder) for name in sorted(names)}
    peer = [python, ROOT / "benchmarks" / "peer.py", "--threads", options.threads]
    common = ["throughput", "--json", "--device", options.device, "--threads", options.threads]
    date = datetime.datetime.now().astimezone().isoformat(" ", "minutes")
    record = {"command": shlex.join(["python3", *sys.argv]), "date": date, "cpu": cpu_name(), "load": load}
    record |= {"threads": options.threads, "pairs": options.pairs, "device": options.device}
    record |= {"sgemm": measure([*peer, "--sgemm"]), "configurations": []}
    for configuration in options.configurations:
        ours = [binaries[configuration.binary], *common]
        result = compare(configuration, peer, ours, environment, options.pairs)
        record["configurations"].append(result)
        # After every configuration, so that an interrupted run is not lost.
        if options.markdown:
            options.markdown.write_text(report(record))
        if options.json:
            options.json.write_text(json.dumps(record, indent=1) + "\n")
    print(report(record), end="")
    return 0 if all(result["met"] for result in record["configurations"]) else 1


if __name__ == "__main__":
    try:
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(main(parse_options(), folder))
    except (Failure, Missing, OSError) as error:
        note(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
