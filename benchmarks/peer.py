"""The models of the binaries in PyTorch (eager mode): training speed of one configuration, as JSON.

compare.py runs this, inside its virtual environment or beside a GPU, in turn with `BIN throughput`. Shapes,
training step, clock and count of operations are those of the binaries, so that the two figures can be
divided; how the work is done is left to PyTorch: layers (oneDNN on a CPU), SGD and allocator as they come.
"""

import json
import resource
import shlex
import sys
import time

import peer_images
import peer_language
import peer_speech
import peer_translation
import torch
from common import Failure, Parser, finish

WARM_UP = 3  # steps that do not count, at least
LEAST_STEPS, MOST_STEPS = 5, 5000  # steps that do
GPU_WARM_UP = 1.0  # seconds that do not count on a GPU, at least
REPEATS = 5
# How far the first loss may lie from that of a model that knows nothing, relative to it. Those of compare.py
# start within 2 %, but for LSTMs of 2,048 units, whose weights start as large as those of small ones: 5 %.
LOSS_TOLERANCE = 0.1
PEERS = [peer_language, peer_translation, peer_speech, peer_images]
TRAININGS = {name: peer.Training for peer in PEERS for name in peer.MODELS}


def throughput(options):
    """Times training steps on random samples, as scaling-core/src/cli/throughput.rs does."""
    torch.manual_seed(1)
    # For the model only: later it would slow every call down.
    with torch.device(options.device):
        training = TRAININGS[options.model](options)
    kind, bf16 = torch.device(options.device).type, options.precision == "bf16"
    half = torch.autocast(kind, torch.bfloat16, enabled=bf16)
    losses, warm_up, times = [], [], []

    def timed():
        start = time.perf_counter()
        # A step ends with a value that is read, so with a device that has nothing left to do.
        losses.append(training.step(half))
        return time.perf_counter() - start

    while len(warm_up) < WARM_UP or (kind != "cpu" and sum(warm_up) < GPU_WARM_UP):
        warm_up.append(timed())
    while len(times) < LEAST_STEPS or (sum(times) < options.seconds and len(times) < MOST_STEPS):
        times.append(timed())
    if not abs(losses[0] / training.first_loss - 1) <= LOSS_TOLERANCE:
        found, expected = losses[0], training.first_loss
        raise Failure(f"{options.model} starts at a loss of {found:.3f} rather than about {expected:.3f}")
    samples = training.samples_per_step
    bounds = [k * len(times) // REPEATS for k in range(REPEATS + 1)]
    parts = [sorted(times[start:end]) for start, end in zip(bounds, bounds[1:])]
    times = sorted(times)
    slow, median, fast = (samples / times[int((len(times) - 1) * q + 0.5)] for q in (0.75, 0.5, 0.25))
    return {
        "model": options.model,
        "size": options.size,
        "batch": options.batch,
        "samples_per_second": median,
        "quartiles": [slow, fast],
        "repeats": [samples / part[(len(part) - 1) // 2] for part in parts],
        # As built: nn.LSTM has a second bias vector, 4 h per layer; lm-bench has one, nmt-bench both.
        "parameters": sum(p.numel() for p in training.model.parameters()),
        "gflops": median * training.flops_per_sample / 1e9,
        "steps": len(times),
    }


def sgemm(options, repeats=20):
    """The rate of the fastest of several products of square float32 matrices."""
    n = 2048 if options.device == "cpu" else 8192
    (a, b, c), times = torch.rand(3, n, n, device=options.device), []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(a, b, out=c)[0, 0].item()
        times.append(time.perf_counter() - start)
    return {"gflops": 2 * n**3 / min(times) / 1e9}


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(options):
    """What was asked for, and the circumstances."""
    import_memory = peak_memory()  # what Python and PyTorch hold before there is a model
    result = sgemm(options) if options.sgemm else throughput(options)
    result |= {"peak_memory": peak_memory(), "import_memory": import_memory}
    result |= {"threads": torch.get_num_threads()}
    result |= {"torch": torch.__version__, "mkldnn": torch.backends.mkldnn.is_available()}
    if options.device != "cpu":
        result["gpu"] = torch.cuda.get_device_name(options.device)
        torch.cuda.empty_cache()
    return result


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--model", choices=TRAININGS, default="word-lstm2")
    parser.add_argument("--size", type=float, default=128, help="hidden units, width, or filter factor")
    parser.add_argument("--vocab", type=int, help="symbols or classes [default: the model's]")
    parser.add_argument("--length", type=int, help="unroll, tokens, frames, or side [default: the model's]")
    parser.add_argument("--batch", type=int, default=32, help="sequences, pairs or images in an update")
    parser.add_argument("--threads", type=int, default=2, help="[default: 2]")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="bf16: under autocast")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds at least")
    parser.add_argument("--sgemm", action="store_true", help="time a matrix product instead, in GFLOP/s")
    parser.add_argument("--serve", action="store_true", help="a line of JSON for each line of arguments")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    if not options.serve:
        print(json.dumps(measure(options)))
        return 0
    for line in sys.stdin:
        print(json.dumps(measure(parser.parse_args(shlex.split(line)))), flush=True)
    return 0


if __name__ == "__main__":
    finish(main)
