"""Tokenises German-English text as nmt-bench and as sacremoses do, and counts the lines that come out equal.

    python3 benchmarks/moses.py --data $SCALING_REAL_DATA/nmt

All files below --data that end in .de or .en are read. Lines of files that Moses wrote (`.tok.` in their name)
are detokenised by sacremoses first. Lines that differ go to --differences; white space at the end of a line is
not compared (sacremoses leaves some). The exit code is 1 if fewer than 99.5 % are equal in a language.

sacremoses is installed from PyPI into a virtual environment of its own on first use: `sacremoses-VERSION` in the
cache folder.
"""

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

SACREMOSES = "0.2.0"
LEAST = 0.995
WORKSPACE = Path(__file__).resolve().parent.parent


class Missing(Exception):
    """Why there is nothing to compare with, in one line."""


def python():
    """The Python of the virtual environment, installed if need be."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("SCALING_CACHE") or Path(base) / "scaling-bench").absolute()
    folder = cache / f"sacremoses-{SACREMOSES}"
    interpreter = folder / "bin" / "python"
    if not imports(interpreter):
        print(f"installing sacremoses {SACREMOSES} into {folder}", file=sys.stderr, flush=True)
        install = [interpreter, "-m", "pip", "install", "--quiet", f"sacremoses=={SACREMOSES}"]
        for command in ([sys.executable, "-m", "venv", folder], install):
            if subprocess.run(command, stdout=sys.stderr).returncode != 0:
                raise Missing(f"`{' '.join(map(str, command))}` failed")
    if not imports(interpreter):
        raise Missing(f"{interpreter} does not import sacremoses {SACREMOSES}; remove {folder} and try again")
    return interpreter


def imports(interpreter):
    code = f"import importlib.metadata as m, sacremoses; assert m.version('sacremoses') == '{SACREMOSES}'"
    try:
        return subprocess.run([interpreter, "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def ours(arguments, lines):
    """What nmt-bench makes of lines."""
    command = ["cargo", "run", "--quiet", "--release", "-p", "nmt-bench", "--example", "moses", "--", *arguments]
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run(command, cwd=WORKSPACE, input=text.encode(), stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise Missing(f"`{' '.join(command)}` failed")
    return done.stdout.decode().split("\n")[:-1]


def lines_of(path, detokenize):
    lines = path.read_bytes().decode().split("\n")
    lines = [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
    return [detokenize(line.split()) for line in lines] if ".tok." in path.name else lines


def compare(data, differences):
    from sacremoses import MosesDetokenizer, MosesTokenizer

    files = sorted(path for path in data.rglob("*") if path.suffix in (".de", ".en") and path.is_file())
    if not files:
        raise Missing(f"{data} holds no file that ends in .de or .en")
    totals = defaultdict(lambda: [0, 0])

    def count(language, what, inputs, got, expected):
        different = [row for row in zip(inputs, got, expected, strict=True) if row[1].rstrip() != row[2].rstrip()]
        for line, mine, theirs in different:
            differences.write(f"{what}\n  line       {line}\n  nmt-bench  {mine}\n  sacremoses {theirs}\n")
        totals[language][0] += len(inputs) - len(different)
        totals[language][1] += len(inputs)
        print(f"{what}: {len(inputs) - len(different):,} of {len(inputs):,} lines equal", flush=True)

    for path in files:
        language = path.suffix[1:]
        tokenizer, detokenizer = MosesTokenizer(lang=language), MosesDetokenizer(lang=language)
        lines = lines_of(path, detokenizer.detokenize)
        expected = [tokenizer.tokenize(line, escape=True, return_str=True) for line in lines]
        count(language, f"{path.name}", lines, ours([language], lines), expected)
        if language == "en":
            tokens = [" ".join(tokenizer.tokenize(line, escape=False)) for line in lines]
            expected = [detokenizer.detokenize(line.split(), unescape=False) for line in tokens]
            count("en, detokenised", f"{path.name}, detokenised", tokens, ours(["--detokenise"], tokens), expected)
    for language, (equal, lines) in totals.items():
        print(f"{language}: {equal:,} of {lines:,} lines equal, {100 * equal / lines:.3f} %")
    return min(equal / lines for equal, lines in totals.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of .de and .en files")
    parser.add_argument("--differences", type=Path, default=Path("moses-differences.txt"), help="file to write")
    options = parser.parse_args()
    interpreter = python()
    if Path(sys.prefix) != interpreter.parent.parent:
        sys.stdout.flush()
        os.execv(interpreter, [str(interpreter), *sys.argv])
    with options.differences.open("w", encoding="utf-8") as differences:
        least = compare(options.data, differences)
    return 0 if least >= LEAST else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Missing, OSError, UnicodeDecodeError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
