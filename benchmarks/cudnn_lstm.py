"""Seconds that PyTorch's LSTM layers take forward and backward, by units and precision.

    python3 benchmarks/cudnn_lstm.py --device cuda:0

Four bidirectional layers in one call over 200 steps of 32 rows of 672 values, as in Deep Speech 2; medians of
12 runs. Takes seconds, with a Python that has PyTorch and a GPU. Exit code 0: done; 2: bad usage, or PyTorch or
the GPU is missing.
"""

import statistics
import sys
import time

from common import Failure, Parser, finish

STEPS, ROWS, INPUTS, LAYERS = 200, 32, 672, 4
WARM_UP, RUNS = 4, 12


def seconds(torch, units, kind, device):
    """Of the median run."""
    lstm = torch.nn.LSTM(INPUTS, units, LAYERS, bidirectional=True).to(device, kind)
    x, times = torch.randn(STEPS, ROWS, INPUTS, device=device, dtype=kind), []
    for _ in range(WARM_UP + RUNS):
        began = time.perf_counter()
        gradients = torch.autograd.grad(lstm(x)[0].float().sum(), list(lstm.parameters()))
        gradients[0].flatten()[0].item()  # waits for the device
        times.append(time.perf_counter() - began)
    return statistics.median(times[WARM_UP:])


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--device", default="cuda:0", help="cuda:N, or cpu [default: cuda:0]")
    parser.add_argument("--units", type=int, nargs="+", default=[128, 512], help="[default: 128 512]")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        raise Failure(f"{sys.executable} has no PyTorch; run this with a Python that has") from None
    if options.device != "cpu" and not torch.cuda.is_available():
        raise Failure("PyTorch finds no GPU")
    for units in options.units:
        for kind in (torch.float32, torch.bfloat16, torch.float16):
            milliseconds = 1e3 * seconds(torch, units, kind, options.device)
            print(f"{units} units, {kind}: {milliseconds:.2f} ms", flush=True)
    return 0


if __name__ == "__main__":
    finish(main)
