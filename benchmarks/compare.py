"""Compare the training speed of the binaries with PyTorch's.

    python3 benchmarks/compare.py                                       # everything: half an hour
    python3 benchmarks/compare.py --only 'word-lstm2 h64' --pairs 1     # a first impression

The two sides run in turn, so that both meet the same state of the machine; the result is the ratio within a
pair. Exit code 0: every required ratio is met; 1: one is missed; 2: bad usage, or a command failed. The table
and the protocol are explained in benchmarks/README.md.

Needs no data. PyTorch is installed from PyPI into the virtual environment of with_torch.py on first use (7
GB), and the binaries are built; on a GPU, the PyTorch that is there is used (gpu.py brings binaries for it).
"""

import datetime
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from common import ROOT, Failure, Parser, build, finish, measure, note
from with_torch import environment as torch_environment, prepare

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

    def __str__(self):
        if self.binary == "vision-bench":
            return f"{self.model} f{self.size} {self.length}x{self.length} B{self.batch}"
        if self.binary == "speech-bench":
            letter = "h" if self.model == "ds2" else "e"
            return f"{self.model} {letter}{self.size} T{self.length} B{self.batch}"
        if self.binary == "nmt-bench":
            batch = "" if self.batch == BATCH else f" B{self.batch}"
            return f"{self.model} d{self.size} V{self.vocab} T{self.length}{batch}"
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
# Larger, as what one would train there.
ON_GPU = [
    Configuration("word-lstm2", 512, 10_004, 80, 1.0),
    Configuration("word-lstm2", 2048, 10_004, 80, 1.0),
    Configuration("char-rhn10", 512, 98, 150, 1.0),
    Configuration("char-rhn10", 1536, 98, 150, 1.0),
    Configuration("nmt", 208, 36_547, 25, 1.0),
    Configuration("nmt", 678, 36_547, 25, 1.0, 64),
    Configuration("ds2", 128, 29, 400, 1.0),
    Configuration("ds2", 512, 29, 400, 1.0),
    Configuration("attention", 128, 31, 400, 1.0),
    Configuration("attention", 512, 31, 400, 1.0),
    Configuration("resnet18", 0.5, 1000, 64, 1.0, 128),
    Configuration("resnet18", 1.0, 1000, 224, 1.0, 64),
]


class Peer:
    """PyTorch: a process for every figure; on a GPU, where it takes long to start, one for all of a pair."""

    def __init__(self, python, options):
        self.command = [python, ROOT / "benchmarks" / "peer.py", "--threads", options.threads]
        self.given = ["--precision", options.precision, "--seconds", options.seconds]
        self.process = None
        self.serves = options.gpu
        if self.serves:
            self.given += ["--device", options.device.removeprefix("tch:")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.communicate()

    def measure(self, *arguments):
        if not self.serves:
            return measure([*self.command, *self.given, *arguments])
        if self.process is None or self.process.poll() is not None:
            command = [*map(str, self.command), "--serve"]
            self.process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        print(*self.given, *arguments, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise Failure(f"PyTorch ended at {shlex.join(map(str, arguments))}")
        return json.loads(line)


def compare(configuration, peer, ours, environment):
    """Measures a configuration, first PyTorch, then ours."""
    c = configuration
    shapes = ["--model", c.model, "--size", c.size, "--vocab", c.vocab]
    shapes += ["--length", c.length, "--batch", c.batch]
    sides = peer.measure(*shapes), measure([*ours, *shapes], environment)
    work = [side["gflops"] * 1e9 / side["samples_per_second"] for side in sides]
    if abs(work[0] / work[1] - 1) > 1e-6:
        raise Failure(f"{c}: the sides count {work[0]:.0f} and {work[1]:.0f} operations per sample")
    ratio = sides[1]["samples_per_second"] / sides[0]["samples_per_second"]
    return {"pytorch": sides[0], "ours": sides[1], "ratio": ratio}


def summary(configuration, pairs, asked):
    """All figures of a configuration and the ratios: of pairs, or of the repeats if one pair is asked for."""
    c = configuration
    ratios = [pair["ratio"] for pair in pairs]
    if asked == 1:
        repeats = [pairs[0][side]["repeats"] for side in ("ours", "pytorch")]
        ratios = [ours / theirs for ours, theirs in zip(*repeats)]
    ratio = statistics.median(ratios)
    met = ratio >= c.required
    about = {"name": str(c), "unit": pairs[0]["ours"]["unit"], **c._asdict()}
    return {**about, "ratio": ratio, "ratios": ratios, "met": met, "pairs": pairs}


def row(result, peak):
    """A configuration as cells of the table."""
    sides = [[pair[side] for pair in result["pairs"]] for side in ("pytorch", "ours")]
    speeds = [statistics.median(figures["samples_per_second"] for figures in side) for side in sides]
    rates = [statistics.median(figures["gflops"] for figures in side) for side in sides]
    memory = [max(figures["peak_memory"] for figures in side) for side in sides]
    ratios = result["ratios"]
    return [
        result["name"],
        *(f"{speed:,.0f} {result['unit']}" for speed in speeds),
        f"{result['ratio']:.2f} [{min(ratios):.2f}, {max(ratios):.2f}]",
        f"{result['required']:.2f} {'met' if result['met'] else 'MISSED'}",
        *(f"{rate:.1f} ({100 * rate / peak:.0f} %)" for rate in rates),
        *(f"{size / 1e6:,.0f}" for size in memory),
    ]


def report(record):
    """Circumstances and table, as Markdown for docs/results that also reads well in a terminal."""
    sgemm, asked = record["sgemm"], record["pairs"]
    done = max((len(result["pairs"]) for result in record["configurations"]), default=0)
    pairs = f"medians of {asked} pairs" if asked > 1 else "one pair, ratios over 5 repeats within it"
    if done < asked:
        pairs += f" (so far {done})"
    head = ["configuration", "PyTorch /s", "ours /s", "ratio [min, max]", "required"]
    head += ["PyTorch GFLOP/s", "our GFLOP/s", "PyTorch peak MB", "our peak MB"]
    table = [head, *(row(result, sgemm["gflops"]) for result in record["configurations"])]
    widths = [max(map(len, column)) for column in zip(*table)]
    table.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    device = f"{record['gpu']}, " if record["gpu"] else ""
    lines = [
        "# Training speed beside PyTorch",
        "",
        f"    {record['command']}",
        "",
        f"- {record['date']}; {device}{record['cpu']}, {record['threads']} threads on {record['cores']} "
        f"cores, load average {record['load']:.2f} at the start",
        f"- PyTorch {sgemm['torch']} (oneDNN: {'yes' if sgemm['mkldnn'] else 'no'}) in eager mode; "
        f"ours on `{record['device']}`; both in {record['precision']}; batch {BATCH} unless stated (B)",
        f"- {pairs}; in brackets: % of PyTorch's sgemm, {sgemm['gflops']:.0f} GFLOP/s",
        *(f"- failed in a pair: {name}" for name in record["failed"]),
        "- [columns and protocol](../../benchmarks/README.md#the-table)",
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
    parser = Parser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="of ours: cpu, tch:cpu or tch:cuda:N [default: cpu]")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="of both sides")
    parser.add_argument("--binaries", type=Path, metavar="DIR", help="binaries that are built already")
    parser.add_argument("--seconds", type=float, default=5.0, help="least time of a measurement [default: 5]")
    parser.add_argument("--threads", type=int, default=2, help="of either side [default: 2]")
    parser.add_argument("--pairs", type=int, default=5, help="measurements of either side [default: 5]")
    parser.add_argument("--only", default="", metavar="PARTS", help="of names: rhn, or 'h64 V98,nmt'")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the report")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    options = parser.parse_args()
    if options.threads < 1 or options.pairs < 1:
        raise Failure("`--threads` and `--pairs` must be at least 1")
    if not re.fullmatch(r"cpu|tch:cpu|tch:cuda:[0-9]+", options.device):
        raise Failure(f"`--device` must be cpu, tch:cpu or tch:cuda:N, not {options.device}")
    options.gpu = options.device.startswith("tch:cuda")
    chosen = ON_GPU if options.gpu else CONFIGURATIONS
    if options.device == "tch:cpu":
        chosen = [c._replace(required=REQUIRED_ON_TCH[c.binary]) for c in chosen if "rhn" not in c.model]
    wanted = options.only.split(",")
    options.configurations = [c for c in chosen if any(part.strip() in str(c) for part in wanted)]
    if not options.configurations:
        raise Failure(f"`--only {options.only}` matches none of: {', '.join(map(str, chosen))}")
    if options.binaries and not options.binaries.is_dir():
        raise Failure(f"`--binaries {options.binaries}` is no folder")
    for path in (options.markdown, options.json):
        if path:
            path.touch()  # fails now rather than after an hour
    # Where results are written changes none of them.
    given = {
        name: getattr(options, name)
        for name in ("device", "precision", "binaries", "seconds", "threads", "pairs", "only")
        if getattr(options, name) != parser.get_default(name)
    }
    words = (word for name, value in given.items() for word in (f"--{name}", str(value)))
    options.command = shlex.join(["python3", "benchmarks/compare.py", *words])
    return options


def measure_all(options, folder):
    """Measures all configurations and reports them; returns the exit code."""
    load = os.getloadavg()[0]
    if load > 0.5:
        note(f"warning: the load average is {load:.2f}; other work on this machine distorts the figures")
    if options.gpu:
        try:
            import torch  # what the binaries are run with is what they are measured against
        except ImportError:
            raise Failure(f"{sys.executable} has no PyTorch; run this with a Python that has") from None
        python, libraries = Path(sys.executable), Path(torch.__path__[0]) / "lib"
    else:
        python, libraries = prepare()
    environment = dict(os.environ) if options.device == "cpu" else torch_environment(python, libraries)
    names = {configuration.binary for configuration in options.configurations}
    if options.binaries:
        binaries = {name: options.binaries / name for name in names}
    else:
        features = [] if options.device == "cpu" else ["--features", "tch"]
        # Copies, because builds for other devices overwrite them.
        built = {name: build(name, *features, environment=environment) for name in sorted(names)}
        binaries = {name: shutil.copy(path, folder) for name, path in built.items()}
    common = ["throughput", "--json", "--device", options.device, "--set", f"precision={options.precision}"]
    common += ["--threads", options.threads, "--seconds", options.seconds]
    date = datetime.datetime.now().astimezone().isoformat(" ", "minutes")
    record = {"command": options.command, "date": date}
    record |= {"cpu": cpu_name(), "cores": os.cpu_count(), "load": load, "threads": options.threads}
    record |= {"pairs": options.pairs, "device": options.device, "precision": options.precision}
    record["configurations"] = []
    measured, failed = {}, record.setdefault("failed", [])
    for number in range(1, options.pairs + 1):
        with Peer(python, options) as peer:
            if number == 1:
                sgemm = peer.measure("--sgemm")
                record |= {"sgemm": sgemm, "gpu": sgemm.get("gpu")}
            for configuration in options.configurations:
                try:
                    ours = [binaries[configuration.binary], *common]
                    pair = compare(configuration, peer, ours, environment)
                except Failure as failure:
                    if not options.gpu:
                        raise
                    # Time on a GPU is dear: the others are measured all the same.
                    note(f"error: {configuration}: {failure}")
                    failed.append(str(configuration))
                    continue
                measured.setdefault(configuration, []).append(pair)
                note(f"{configuration}, pair {number} of {options.pairs}: ratio {pair['ratio']:.2f}")
                record["configurations"] = [summary(c, pairs, options.pairs) for c, pairs in measured.items()]
                # After every configuration, so that an interrupted run is not lost.
                if options.markdown:
                    options.markdown.write_text(report(record))
                if options.json:
                    options.json.write_text(json.dumps(record, indent=1) + "\n")
    print(report(record), end="")
    if failed:
        return 2
    return 0 if all(result["met"] for result in record["configurations"]) else 1


def main():
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        return measure_all(options, folder)


if __name__ == "__main__":
    finish(main)
