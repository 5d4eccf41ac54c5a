"""Seconds that PyTorch's LSTM layers take forward and backward, by units and precision.

Four bidirectional layers in one call over 200 steps of 32 rows of 672 values, as in Deep Speech 2. Medians of 12 runs.
"""

import argparse
import statistics
import time

import torch

STEPS, ROWS, INPUTS, LAYERS = 200, 32, 672, 4
WARM_UP, RUNS = 4, 12


def seconds(units, kind, device):
    lstm = torch.nn.LSTM(INPUTS, units, LAYERS, bidirectional=True).to(device, kind)
    x, times = torch.randn(STEPS, ROWS, INPUTS, device=device, dtype=kind), []
    for _ in range(WARM_UP + RUNS):
        began = time.perf_counter()
        gradients = torch.autograd.grad(lstm(x)[0].float().sum(), list(lstm.parameters()))
        gradients[0].flatten()[0].item()  # waits for the device
        times.append(time.perf_counter() - began)
    return statistics.median(times[WARM_UP:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--units", type=int, nargs="*", default=[128, 512])
    options = parser.parse_args()
    for units in options.units:
        for kind in (torch.float32, torch.bfloat16, torch.float16):
            print(f"{units} units, {kind}: {1e3 * seconds(units, kind, options.device):.2f} ms", flush=True)


if __name__ == "__main__":
    main()
