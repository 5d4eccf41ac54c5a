"""Compare `vision-bench data prepare` with PIL: decoding and scaling pictures, on one core.

    python3 benchmarks/prepare.py --data PATH       # in the layout of class tars

Pictures of two sizes: those of the data set as they are, and mosaics of 8 x 6 of them, which have the size of
ImageNet's and its detail. PIL decodes from memory and scales (bicubic) so that the shortest side is 256;
`prepare` also reads its files or archives, checks for damage, hashes and writes everything to the disk. The
two run in turn; the result is the ratio within a pair. Exit code 0: every ratio is at least 2; 1: one is not;
2: bad usage, or a command failed.

Holds all training pictures in memory, so PATH should be a small set of small, square pictures; takes a minute
for 20,000. Pillow is installed from PyPI into a virtual environment of its own on first use: `pillow-VERSION`
in the cache folder.
"""

import io
import os
import tarfile
import tempfile
import time
from pathlib import Path

from common import Failure, Parser, build, finish, inside, reading, row, run

PILLOW = "13.0.0"
REQUIRED, SHORTEST, SECONDS = 2.0, 256, 4.0
COLUMNS, ROWS, TRAIN, VALIDATION = 8, 6, 400, 40
SAMPLE = 10  # pictures of a class that PIL decodes


def pictures(data):
    """The encoded training pictures of a data set, class by class."""
    archives = sorted((data / "ILSVRC2012_img_train").glob("*.tar"))
    if not archives:
        raise Failure(f"{data}/ILSVRC2012_img_train holds no tars")
    for path in archives:
        with reading(path, tarfile.TarError), tarfile.open(path) as archive:
            yield [archive.extractfile(member).read() for member in archive if member.isfile()]


def make_mosaics(small, folder):
    """Class folders of large pictures, made of small ones; returns them, encoded."""
    from PIL import Image

    encoded = []
    side = Image.open(io.BytesIO(small[0])).width
    for number in range(TRAIN + VALIDATION):
        mosaic = Image.new("RGB", (COLUMNS * side, ROWS * side))
        for cell in range(COLUMNS * ROWS):
            picture = Image.open(io.BytesIO(small[(number * 997 + cell * 331) % len(small)]))
            mosaic.paste(picture, (cell % COLUMNS * side, cell // COLUMNS * side))
        part = "train" if number < TRAIN else "val"
        target = folder / part / f"class{number % 2}" / f"{number}.JPEG"
        target.parent.mkdir(parents=True, exist_ok=True)
        mosaic.save(target, quality=90)
        encoded.append(target.read_bytes())
    return encoded


def pil_speed(encoded):
    """Pictures per second of PIL, from memory to pixels."""
    from PIL import Image

    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        picture = Image.open(io.BytesIO(encoded[count % len(encoded)])).convert("RGB")
        if min(picture.size) > SHORTEST:
            factor = SHORTEST / min(picture.size)
            size = [round(side * factor) for side in picture.size]
            picture = picture.resize(size, Image.Resampling.BICUBIC)
        picture.tobytes()
        count += 1
    return count / (time.perf_counter() - start)


def our_speed(binary, path, count):
    """Pictures per second of `data prepare`, from the files to the files."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "RAYON_NUM_THREADS": "1", "SCALING_CACHE": cache}
        start = time.perf_counter()
        run([binary, "data", "prepare", path], capture_output=True, env=environment)
        return count / (time.perf_counter() - start)


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a data set in the layout of class tars")
    parser.add_argument("--pairs", type=int, default=3, help="measurements of either side [default: 3]")
    options = parser.parse_args()
    if options.pairs < 1:
        raise Failure("`--pairs` must be at least 1")
    inside(f"pillow-{PILLOW}", pillow=PILLOW)
    binary = build("vision-bench")
    groups = list(pictures(options.data))
    small = [picture for group in groups for picture in group]
    validation = options.data / "ILSVRC2012_img_val.tar"
    with reading(validation, tarfile.TarError), tarfile.open(validation) as archive:
        prepared = len(small) + len(archive.getnames())
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large"
        mosaics = make_mosaics(small, large)
        print("| pictures | PIL/s | prepare/s | ratio [min, max] | required |")
        print("| --- | ---: | ---: | ---: | ---: |")
        met, sample = True, [picture for group in groups for picture in group[:SAMPLE]]
        for name, encoded, path, count in [
            ("as they are", sample, options.data, prepared),
            (f"mosaics of {COLUMNS} x {ROWS}", mosaics, large, len(mosaics)),
        ]:
            pairs = [(pil_speed(encoded), our_speed(binary, path, count)) for _ in range(options.pairs)]
            met &= row(name, pairs, REQUIRED)
    return 0 if met else 1


if __name__ == "__main__":
    finish(main)
