"""Build here what runs there: on an x86-64 machine with an NVIDIA GPU and PyTorch 2.11, without Rust.

    python3 benchmarks/gpu.py pack gpu.tar.xz --data PATH     # here: binaries, benchmarks, settings, data
    tar xf gpu.tar.xz && cd gpu                               # there
    python3 benchmarks/gpu.py run bin/lm-bench devices
    python3 benchmarks/compare.py --device tch:cuda:0 --binaries bin --pairs 1

The binaries are linked against the libraries of PyTorch 2.11, which is installed from PyPI on first use as by
with_torch.py (7 GB); `run` finds those of the Python that runs it. SCALING_TORCH_VERSION names another
version, on both machines. Exit code: that of the command; 2: bad usage, or something is missing.
"""

import argparse
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from common import ROOT, Failure, Parser, become, built, finish, note, run

# What PyTorch the machine with the GPU has.
os.environ.setdefault("SCALING_TORCH_VERSION", "2.11.0")
BINARIES = ["lm-bench", "nmt-bench", "speech-bench", "vision-bench", "scaling"]


def pack(archive, data):
    """Builds the binaries and writes everything that is needed there into one archive."""
    from with_torch import environment, prepare

    build = ["cargo", "build", "--release", "--workspace", "--bins", "--features", "tch"]
    run(build, cwd=ROOT, env=environment(*prepare()), stdout=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name in BINARIES:
            shutil.copy(built(name), folder)
            run(["strip", folder / name])
        with tarfile.open(archive, "w:xz", preset=6) as tar:
            for name in BINARIES:
                tar.add(folder / name, f"gpu/bin/{name}")
            for file in sorted(ROOT.glob("benchmarks/*.py")) + sorted(ROOT.glob("docs/results/**/*.toml")):
                tar.add(file, f"gpu/{file.relative_to(ROOT)}")
            for path in data:
                tar.add(path, f"gpu/data/{path.resolve().name}")
    note(f"{archive}: {archive.stat().st_size / 2**20:.0f} MiB")


def execute(command):
    """Becomes a command that finds the libraries of this Python's PyTorch."""
    wanted = os.environ["SCALING_TORCH_VERSION"]
    try:
        import torch
    except ImportError:
        raise Failure(f"{sys.executable} has no PyTorch; run this with a Python that has {wanted}") from None
    version = torch.__version__.split("+")[0]
    if version.split(".")[:2] != wanted.split(".")[:2]:
        raise Failure(f"this Python has PyTorch {version}; the binaries are built for {wanted}")
    libraries = Path(torch.__path__[0]) / "lib"
    os.environ["LD_LIBRARY_PATH"] = f"{libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
    become(command, os.environ)


def main():
    parser = Parser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    packing = actions.add_parser("pack", help="build, and write an archive")
    packing.add_argument("archive", type=Path)
    packing.add_argument("--data", type=Path, nargs="*", default=[], metavar="PATH", help="goes into data/")
    running = actions.add_parser("run", help="run a command of the archive")
    running.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.action == "run" and not options.command:
        raise Failure("`run` needs a command, such as `bin/lm-bench devices`")
    if options.action == "pack":
        pack(options.archive, options.data)
    else:
        execute(options.command)


if __name__ == "__main__":
    finish(main)
