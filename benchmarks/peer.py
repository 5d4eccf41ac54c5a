"""The models of the binaries in PyTorch (eager mode): training speed of one configuration, as JSON.

compare.py runs this inside its virtual environment, in turn with `BIN throughput`. Shapes, training step,
clock and count of operations are those of the binaries, so that the two figures can be divided; how the work
is done is left to PyTorch: layers (oneDNN on a CPU), SGD and allocator as they come.
"""

import argparse
import json
import resource
import time

import peer_images
import peer_language
import peer_speech
import peer_translation
import torch

WARM_UP, LEAST_STEPS, MOST_STEPS = 3, 8, 1003  # steps that do not count; with them, at least and at most
TRAININGS = {name: peer.Training for peer in (peer_language, peer_translation, peer_speech, peer_images) for name in peer.MODELS}


def throughput(options):
    """Times training steps on random samples, as scaling-core/src/cli/throughput.rs does."""
    torch.manual_seed(1)
    training = TRAININGS[options.model](options)
    losses, times = [], []
    while len(times) < LEAST_STEPS or (sum(times) < options.seconds and len(times) < MOST_STEPS):
        start = time.perf_counter()
        loss = training.step()
        times.append(time.perf_counter() - start)
        losses.append(loss)
    times = sorted(times[WARM_UP:])
    samples = training.samples_per_step
    slow, median, fast = (samples / times[int((len(times) - 1) * q + 0.5)] for q in (0.75, 0.5, 0.25))
    return {
        "model": options.model,
        "size": options.size,
        "batch": options.batch,
        "samples_per_second": median,
        "quartiles": [slow, fast],
        # As built: nn.LSTM has a second bias vector, 4 h per layer, that lm-bench (not nmt-bench) does without.
        "parameters": sum(p.numel() for p in training.model.parameters()),
        "gflops": median * training.flops_per_sample / 1e9,
        "steps": len(times),
        "first_loss": losses[0],
        "first_loss_near": training.first_loss_near,  # of a new model
    }


def sgemm(n=2048, repeats=20):
    """The rate of the fastest of several products of n x n float32 matrices."""
    (a, b, c), times = torch.rand(3, n, n), []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        times.append(time.perf_counter() - start)
    return {"gflops": 2 * n**3 / min(times) / 1e9}


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description="Training speed of a model in PyTorch, as JSON.")
    parser.add_argument("--model", choices=TRAININGS, default="word-lstm2")
    parser.add_argument("--size", type=float, default=128, help="hidden units, width, or filter factor")
    parser.add_argument("--vocab", type=int, help="symbols or classes [default: the model's]")
    parser.add_argument("--length", type=int, help="unroll, tokens of a sentence, frames, or side [default: the model's]")
    parser.add_argument("--batch", type=int, default=32, help="sequences, pairs or images in an update")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds at least")
    parser.add_argument("--sgemm", action="store_true", help="time a matrix product instead, in GFLOP/s")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    import_memory = peak_memory()  # what Python and PyTorch hold before there is a model
    result = sgemm() if options.sgemm else throughput(options)
    result |= {"peak_memory": peak_memory(), "import_memory": import_memory, "threads": torch.get_num_threads()}
    result |= {"torch": torch.__version__, "mkldnn": torch.backends.mkldnn.is_available()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
