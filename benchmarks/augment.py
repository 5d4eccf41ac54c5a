"""Compare the preparation of training pictures with torchvision's, on one core.

    python3 benchmarks/augment.py

Both sides do the same to the same decoded pictures: a random area scaled bicubically, brightness, contrast
and saturation in random order, lighting, mirror image, normalisation. The two run in turn; the result is the
ratio within a pair. Exit code 0: every ratio is at least 3; 1: one is not; 2: bad usage, or a command failed.

Takes half a minute; needs no data. PyTorch and torchvision are installed from PyPI into the virtual
environment of with_torch.py on first use (7 GB).
"""

import re
import time

from common import ROOT, Failure, Parser, finish, inside, note, row, run
from with_torch import prepare

TORCHVISION = "0.24.0"
REQUIRED = 3.0
SIZES = [(64, 64), (256, 224)]  # stored side, side of the crop
PICTURES, SECONDS = 64, 2.0  # as in vision-bench/src/augment/timing.rs


def torchvision_speeds():
    """Pictures per second of torchvision, by size."""
    import numpy
    import torch
    from PIL import Image
    from torchvision import transforms

    torch.set_num_threads(1)
    scales = torch.tensor([0.2175, 0.0188, 0.0045])
    vectors = [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
    vectors = torch.tensor(vectors)

    def lighting(x):
        return x + (vectors @ (0.1 * torch.randn(3) * scales))[:, None, None]

    def picture(side, number):
        """The pictures of vision-bench/src/augment/timing.rs."""
        y, x, c = numpy.meshgrid(*map(numpy.arange, (side, side, 3)), indexing="ij")
        wave = 40.0 * numpy.sin((x * (c + 1) + y * (number % 7 + 1)) / side * 6.0)
        noise = (x * 7919 + y * 104_729 + c * 1301 + number * 31_337) % 41
        return Image.fromarray((108.0 + wave + noise).astype(numpy.uint8))

    speeds = {}
    for stored, side in SIZES:
        prepared = transforms.Compose([
            transforms.RandomResizedCrop(
                side, (0.08, 1.0), (0.75, 1.333), transforms.InterpolationMode.BICUBIC
            ),
            transforms.ColorJitter(0.4, 0.4, 0.4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Lambda(lighting),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])
        pictures = [picture(stored, number) for number in range(PICTURES)]
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS:
            for stored_picture in pictures:
                prepared(stored_picture)
            count += PICTURES
        speeds[f"{stored} -> {side}"] = count / (time.perf_counter() - start)
    return speeds


def our_speeds():
    """Pictures per second of vision-bench, by size."""
    test = ["cargo", "test", "--release", "-p", "vision-bench", "augment::timing"]
    output = run([*test, "--", "--ignored", "--nocapture"], cwd=ROOT, capture_output=True)
    return {size: float(speed) for size, speed in re.findall(r"(\d+ -> \d+): ([\d.]+) pictures/s", output)}


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="measurements of either side [default: 3]")
    options = parser.parse_args()
    if options.pairs < 1:
        raise Failure("`--pairs` must be at least 1")
    python, _ = prepare()
    inside(python.parent.parent, torchvision=TORCHVISION)
    our_speeds()  # builds; these figures do not count
    pairs = []
    for number in range(1, options.pairs + 1):
        pairs.append((torchvision_speeds(), our_speeds()))
        note(f"pair {number} of {options.pairs}")
    print("| pictures | torchvision/s | vision-bench/s | ratio [min, max] | required |")
    print("| --- | ---: | ---: | ---: | ---: |")
    met = True
    for size in (f"{stored} -> {side}" for stored, side in SIZES):
        met &= row(size, [(theirs[size], ours[size]) for theirs, ours in pairs], REQUIRED)
    return 0 if met else 1


if __name__ == "__main__":
    finish(main)
