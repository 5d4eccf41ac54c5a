"""Hold the BLEU of nmt-bench against sacreBLEU's.

    python3 benchmarks/bleu.py --references FILE.en

Hypotheses are made from references: the same, shuffled, truncated, with words dropped or swapped, with other
punctuation, other case, entities, numbers, and letters that are not ASCII. Exit code 0: every score agrees to
1e-6; 1: one does not; 2: bad usage, or a command failed.

Takes seconds for thousands of sentences. sacreBLEU is installed from PyPI into a virtual environment of its
own on first use: `sacrebleu-VERSION` in the cache folder.
"""

import random
import re
import tempfile
from pathlib import Path

from common import Failure, Parser, build, finish, inside, run, text_of

SACREBLEU = "2.6.0"
TOLERANCE, SEED = 1e-6, 1
NUMBERS = ["1,234.50", "3.5-4", "10-12", "$5.", "7,", "50%", "3.,4", "1.-2", "2,000,000"]
ENTITIES = ["&quot;", "&amp;", "&lt;b&gt;", "&amp;lt;", "&apos;", "<skipped>", "&"]
FOREIGN = ["Grüße", "naïve", "«oui»", "–", "…", "日本語。", "Ελλάς,", "\u00a0", "e\u0301", "½", "٣,٤", "\u2003x"]
MARKS = [" .", "...", "!?", ",,", "--", " - ", "'", "(", "]", "~", "\\", "/", "_", "\t", "-", "\x1f"]


def insert(sentence, things, chance, dice):
    """Puts some of the things between words, or into them."""
    words = []
    for word in sentence.split(" "):
        if dice.random() < chance:
            word += dice.choice(["", " "]) + dice.choice(things)
        words.append(word)
    return " ".join(words)


def corpora(references, dice):
    """Named hypotheses with their references."""
    def each(change):
        return [change(sentence) for sentence in references]

    def drop(sentence):
        return " ".join(word for word in sentence.split(" ") if dice.random() > 0.2)

    def swap(sentence):
        words = sentence.split(" ")
        dice.shuffle(words)
        return " ".join(words)

    def truncate(sentence):
        words = sentence.split(" ")
        return " ".join(words[: dice.randrange(len(words) + 1)])

    def case(sentence):
        return dice.choice([str.lower, str.upper, str.title, str.swapcase])(sentence)

    everything = NUMBERS + ENTITIES + FOREIGN + MARKS
    noisy = each(lambda sentence: insert(sentence, everything, 0.3, dice))
    yield "the same", references, references
    yield "shuffled", dice.sample(references, len(references)), references
    yield "in reverse order of words", each(lambda sentence: " ".join(sentence.split(" ")[::-1])), references
    yield "words dropped", each(drop), references
    yield "words swapped", each(swap), references
    yield "truncated", each(truncate), references
    yield "words repeated", each(lambda sentence: f"{sentence} {sentence}"), references
    yield "without punctuation", each(lambda sentence: re.sub(r"[^\w\s]", "", sentence)), references
    yield "other case", each(case), references
    added = {"numbers": NUMBERS, "entities": ENTITIES, "not ASCII": FOREIGN, "marks": MARKS}
    for name, things in added.items():
        yield name, each(lambda sentence: insert(sentence, things, 0.3, dice)), references
    yield "on both sides", [drop(insert(sentence, everything, 0.1, dice)) for sentence in noisy], noisy
    yield "empty", [""] * len(references), references
    # Where counts of long n-grams are 0 and are smoothed.
    for number in range(20):
        start = dice.randrange(max(1, len(references) - 3))
        some = noisy[start : start + 3]
        changed = [dice.choice([swap, drop, truncate, case])(sentence) for sentence in some]
        yield f"a few, {number}", changed, some


def compare(binary, references):
    """Prints sacreBLEU's score of every corpus, and ours where it differs; returns whether none does."""
    import sacrebleu

    worst, differing, count = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / side for side in ("hypotheses", "references")]
        for count, (name, hypotheses, expected) in enumerate(corpora(references, random.Random(SEED)), 1):
            for file, lines in zip(files, (hypotheses, expected)):
                file.write_text("".join(f"{sentence}\n" for sentence in lines), newline="\n")
            score, line = run([binary, *files], capture_output=True).splitlines()
            theirs = sacrebleu.corpus_bleu(hypotheses, [expected])
            difference = abs(float(score) - theirs.score)
            worst = max(worst, difference)
            same = difference <= TOLERANCE and line == str(theirs)
            differing += not same
            print(f"{name}: {theirs}" + ("" if same else f"; OURS DIFFERS: {score} {line}"))
    print(f"greatest difference {worst:.1e} over {count} corpora")
    return differing == 0


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--references", type=Path, required=True, help="a file of sentences, one a line")
    options = parser.parse_args()
    references = [line for line in text_of(options.references).splitlines() if line.strip()]
    if not references:
        raise Failure(f"{options.references} is empty")
    inside(f"sacrebleu-{SACREBLEU}", sacrebleu=SACREBLEU)
    return 0 if compare(build("nmt-bench", example="bleu"), references) else 1


if __name__ == "__main__":
    finish(main)
