"""Run a command that finds PyTorch.

    python3 benchmarks/with_torch.py cargo test --features tch

PyTorch is installed from PyPI into a virtual environment of its own on first use (7 GB, some minutes):
SCALING_TORCH, or else `torch-VERSION` in the cache folder. Builds with the feature `tch` link against it, and
what they build finds its libraries. The version is 2.9.0, which tch was made for, or SCALING_TORCH_VERSION:
2.11.0 works as well. Exit code: that of the command; 2: bad usage, or PyTorch is missing.
"""

import argparse
import os
import subprocess
from pathlib import Path

from common import CACHE, Failure, Parser, become, finish, install

MADE_FOR = "2.9.0"
TORCH = os.environ.get("SCALING_TORCH_VERSION") or MADE_FOR


def libraries_of(python):
    """The library directory of a Python's PyTorch; none unless that imports and has the right version."""
    code = f"import torch; assert torch.__version__.split('+')[0] == '{TORCH}'; print(torch.__path__[0])"
    try:
        done = subprocess.run([python, "-c", code], text=True, capture_output=True)
    except OSError:
        return None
    return Path(done.stdout.strip()) / "lib" if done.returncode == 0 else None


def prepare():
    """The Python of the virtual environment, installed if need be, and its PyTorch's libraries."""
    folder = Path(os.environ.get("SCALING_TORCH") or CACHE / f"torch-{TORCH}").absolute()
    python = folder / "bin" / "python"
    if not libraries_of(python):
        install(folder, f"torch=={TORCH}", "numpy")
    libraries = libraries_of(python)
    if not libraries:
        raise Failure(f"{python} does not import PyTorch {TORCH}; remove {folder} and try again")
    return python, libraries


def environment(python, libraries):
    """The variables with which cargo builds the feature `tch`, and with which the result runs."""
    variables = dict(os.environ)
    variables["LIBTORCH_USE_PYTORCH"] = "1"
    if TORCH != MADE_FOR:
        variables["LIBTORCH_BYPASS_VERSION_CHECK"] = "1"
    variables["PATH"] = f"{python.parent}:{variables['PATH']}"
    variables["LD_LIBRARY_PATH"] = f"{libraries}:{variables.get('LD_LIBRARY_PATH', '')}".rstrip(":")
    return variables


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="and its arguments")
    command = parser.parse_args().command
    if not command:
        raise Failure("a command is missing, such as `cargo test --features tch`")
    become(command, environment(*prepare()))


if __name__ == "__main__":
    finish(main)
