"""What the benchmarks share: commands, builds, virtual environments, ratios, and how they end."""

import argparse
import contextlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The cache folder of the binaries.
CACHE = Path(
    os.environ.get("SCALING_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scaling-bench"
).absolute()


class Failure(Exception):
    """What stops a benchmark, in one line."""


class Parser(argparse.ArgumentParser):
    """Shows its description as it is written; what is wrong with a command line is a failure as any other."""

    def __init__(self, description=None, **keywords):
        keywords["formatter_class"] = argparse.RawDescriptionHelpFormatter
        super().__init__(description=description, **keywords)

    def error(self, message):
        raise Failure(message)


def note(text):
    """Progress goes to stderr; stdout is for the report."""
    print(text, file=sys.stderr, flush=True)


def finish(main):
    """Ends with the exit code of `main`; after a failure with one line and 2, after Ctrl-C with 130."""
    try:
        sys.exit(main())
    except Failure as failure:
        note(f"error: {failure}")
        sys.exit(2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        note(f"error: {where}{error.strerror or error}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def run(command, **keywords):
    """What a command prints, if that is captured; raises with the error on its stderr if it fails."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, **{"text": True, **keywords})
    except OSError as error:
        raise Failure(f"cannot run {command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        lines = (done.stderr or "").strip().splitlines() or [f"exit code {done.returncode}"]
        # Hints may follow the error.
        reason = next((line for line in lines if line.startswith("error")), lines[-1])
        shown = textwrap.shorten(shlex.join(command), 400, placeholder=" ...")
        raise Failure(f"`{shown}` failed: {reason}")
    return done.stdout


def become(command, environment):
    """Goes on as another program."""
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        raise Failure(f"cannot run {command[0]}: {error.strerror}") from None


def measure(command, environment=None):
    """The JSON document that a command prints."""
    output = run(command, capture_output=True, env=environment)
    try:
        return json.loads(output)
    except ValueError:
        raise Failure(f"{command[0]} printed no JSON but {output[:60]!r}") from None


@contextlib.contextmanager
def reading(path, *errors):
    """Such errors become failures that name the file, in one line."""
    try:
        yield
    except errors as error:
        why = str(error).partition("\n")[0].rstrip(":")
        raise Failure(f"{path}: {why}") from None


def text_of(path):
    """The text of a file in UTF-8."""
    with reading(path, UnicodeDecodeError):
        return path.read_bytes().decode()


def built(*path):
    """Where cargo leaves a release build, such as `built("examples", "bleu")`."""
    return ROOT.joinpath(os.environ.get("CARGO_TARGET_DIR", "target"), "release", *path)


def build(package, *arguments, binary=None, example=None, environment=None):
    """Builds a package's binary of the same name, or another one, or an example; returns where it lies."""
    target = ["--example", example] if example else ["--bin", binary or package]
    command = ["cargo", "build", "--release", "-p", package, *target, *arguments]
    run(command, cwd=ROOT, env=environment, stdout=sys.stderr)
    return built("examples", example) if example else built(binary or package)


def install(folder, *packages):
    """Installs packages from PyPI into a virtual environment, which is made if it does not exist."""
    python = folder / "bin" / "python"
    note(f"installing {', '.join(packages)} into {folder}")
    pip = [python, "-m", "pip", "--version"]
    # One that was interrupted while it was made has no pip.
    if not python.exists() or subprocess.run(pip, capture_output=True).returncode != 0:
        run([sys.executable, "-m", "venv", folder], stdout=sys.stderr)
    run([python, "-m", "pip", "install", "--quiet", *packages], stdout=sys.stderr)


# The names by which packages are imported, where they have others.
MODULES = {"pillow": "PIL"}


def inside(name, **packages):
    """Starts the script anew in a virtual environment, unless it runs there already.

    The environment lies in the cache folder, or at an absolute path; the packages are installed if need be.
    """
    folder = CACHE / name
    python = folder / "bin" / "python"
    modules = ", ".join(MODULES.get(package, package) for package in packages)
    code = f"import importlib.metadata as m, {modules}\n"
    code += f"assert all(m.version(k) == v for k, v in {packages!r}.items())"

    def is_complete():
        return python.exists() and subprocess.run([python, "-c", code], capture_output=True).returncode == 0

    if not is_complete():
        install(folder, *(f"{package}=={version}" for package, version in packages.items()))
        if not is_complete():
            raise Failure(f"{python} does not import {', '.join(packages)}; remove {folder} and try again")
    if not os.path.samefile(sys.prefix, folder):
        sys.stdout.flush()
        os.execv(python, [str(python), *sys.argv])


def row(name, pairs, required):
    """Prints a row of a table from pairs of speeds, theirs and ours; returns whether the ratio is met."""
    ratios = [ours / theirs for theirs, ours in pairs]
    ratio = statistics.median(ratios)
    speeds = " | ".join(f"{statistics.median(side):,.0f}" for side in zip(*pairs))
    verdict = f"{required:.2f} {'met' if ratio >= required else 'MISSED'}"
    print(f"| {name} | {speeds} | {ratio:.2f} [{min(ratios):.2f}, {max(ratios):.2f}] | {verdict} |")
    return ratio >= required
