"""Tokenise German-English text as nmt-bench and as sacremoses do, and count the lines that come out equal.

    python3 benchmarks/moses.py --data $SCALING_REAL_DATA/nmt

All files below --data that end in .de or .en are read. Lines of files that Moses wrote (`.tok.` in their
name) are detokenised by sacremoses first. Lines that differ go to --differences; white space at the end of a
line is not compared (sacremoses leaves some). Exit code 0: at least 99.5 % are equal in each language; 1:
they are not; 2: bad usage, or a command failed.

Takes minutes for a hundred thousand lines. sacremoses is installed from PyPI into a virtual environment of
its own on first use: `sacremoses-VERSION` in the cache folder.
"""

import subprocess
from collections import defaultdict
from pathlib import Path

from common import Failure, Parser, build, finish, inside, run, text_of

SACREMOSES = "0.2.0"
LEAST = 0.995


def ours(binary, argument, lines):
    """What nmt-bench makes of lines."""
    text = "".join(line + "\n" for line in lines)
    # As bytes: in text, a carriage return would count as the end of a line.
    printed = run([binary, argument], text=False, input=text.encode(), stdout=subprocess.PIPE)
    return printed.decode().split("\n")[:-1]


def lines_of(path, detokenize):
    lines = text_of(path).split("\n")
    lines = [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
    return [detokenize(line.split()) for line in lines] if ".tok." in path.name else lines


def compare(binary, files, differences):
    """Prints how many lines are equal, writes those that are not; returns the least share of a language."""
    from sacremoses import MosesDetokenizer, MosesTokenizer

    totals = defaultdict(lambda: [0, 0])

    def count(language, what, inputs, got, expected):
        rows = zip(inputs, got, expected, strict=True)
        different = [row for row in rows if row[1].rstrip() != row[2].rstrip()]
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
        count(language, f"{path.name}", lines, ours(binary, language, lines), expected)
        if language == "en":
            tokens = [" ".join(tokenizer.tokenize(line, escape=False)) for line in lines]
            expected = [detokenizer.detokenize(line.split(), unescape=False) for line in tokens]
            got = ours(binary, "--detokenise", tokens)
            count("en, detokenised", f"{path.name}, detokenised", tokens, got, expected)
    for language, (equal, lines) in totals.items():
        print(f"{language}: {equal:,} of {lines:,} lines equal, {100 * equal / lines:.3f} %")
    return min(equal / lines for equal, lines in totals.values())


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of .de and .en files")
    default = Path("moses-differences.txt")
    parser.add_argument("--differences", type=Path, default=default, help=f"a file [default: {default}]")
    options = parser.parse_args()
    found = (path for path in options.data.rglob("*") if path.is_file())
    files = sorted(path for path in found if path.suffix in (".de", ".en"))
    if not files:
        raise Failure(f"{options.data} holds no file that ends in .de or .en")
    inside(f"sacremoses-{SACREMOSES}", sacremoses=SACREMOSES)
    binary = build("nmt-bench", example="moses")
    with options.differences.open("w", encoding="utf-8") as differences:
        least = compare(binary, files, differences)
    return 0 if least >= LEAST else 1


if __name__ == "__main__":
    finish(main)
