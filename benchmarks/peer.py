"""The language models of lm-bench in PyTorch (eager mode): training speed of one configuration, as JSON.

compare.py runs this inside its virtual environment, in turn with `lm-bench throughput`. Shapes, training
step, clock and count of operations are those of lm-bench, so that the two figures can be divided; how the
work is done is left to PyTorch: nn.LSTM (oneDNN on a CPU), SGD and allocator as they come.
"""

import argparse
import json
import math
import resource
import time

import torch
from torch import nn
from torch.nn import functional as F

WARM_UP, LEAST_STEPS, MOST_STEPS = 3, 8, 1003  # steps that do not count; with them, at least and at most
BOUND = 0.1  # weights start uniform in [-0.1, 0.1]
RATE, CLIP = 1e-3, 10.0  # learning rate and gradient norm, as in lm-bench's `throughput`


class Lstm(nn.LSTM):
    """Stacked LSTM layers of one width; the forget gate starts open by 1 (MODELS 2.2)."""

    def __init__(self, h, layers):
        super().__init__(h, h, layers)
        for name, parameter in self.named_parameters():
            if name.startswith("weight"):
                nn.init.uniform_(parameter, -BOUND, BOUND)
            else:
                nn.init.zeros_(parameter)
                if name.startswith("bias_ih"):
                    nn.init.ones_(parameter.detach()[h : 2 * h])
        self.weights_in_products = 8 * layers * h * h

    def zero_state(self, rows):
        return tuple(torch.zeros(self.num_layers, rows, self.hidden_size) for _ in "hc")


class Rhn(nn.Module):
    """One recurrent highway layer; the transform gate starts nearly closed (MODELS 2.3).

    Few, large operations, as eager mode likes them: one projection of the input for all steps, and in a
    sub-layer one product for both gates, two activations and one interpolation.
    """

    def __init__(self, h, depth):
        super().__init__()
        weights = [nn.Parameter(torch.empty(h, 2 * h).uniform_(-BOUND, BOUND)) for _ in range(1 + depth)]
        self.input, self.recurrent = weights[0], nn.ParameterList(weights[1:])
        start = torch.cat([torch.zeros(h), torch.full((h,), -4.0)])
        self.bias = nn.ParameterList(start.clone() for _ in range(depth))
        self.weights_in_products = (2 * depth + 2) * h * h

    def zero_state(self, rows):
        return (torch.zeros(rows, self.input.shape[0]),)

    def forward(self, x, state):
        (s,) = state
        weights, biases = list(self.recurrent), list(self.bias)
        projected = torch.addmm(biases[0], x.flatten(0, 1), self.input).unflatten(0, x.shape[:2])
        outputs = []
        for first in projected.unbind(0):
            for added, weight in zip([first, *biases[1:]], weights):
                candidate, transform = torch.addmm(added, s, weight).chunk(2, 1)
                # lerp(s, c, t) = (c - s) t + s
                s = torch.lerp(s, torch.tanh(candidate), torch.sigmoid(transform))
            outputs.append(s)
        return torch.stack(outputs), (s,)


# name: (its recurrent part, layers or depth, whether a word model, vocabulary, unroll)
MODELS = {
    "word-lstm2": (Lstm, 2, True, 10_004, 80),
    "word-lstm4": (Lstm, 4, True, 10_004, 80),
    "word-rhn5": (Rhn, 5, True, 10_004, 80),
    "char-rhn10": (Rhn, 10, False, 98, 150),
}


class LanguageModel(nn.Module):
    """Embedding, recurrent layers, softmax with a matrix of its own."""

    def __init__(self, recurrent, h, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, h)
        self.recurrent = recurrent
        self.output = nn.Linear(h, vocabulary)
        for parameter in (self.embedding.weight, self.output.weight, self.output.bias):
            nn.init.uniform_(parameter, -BOUND, BOUND)
        # As in lm-bench/src/model.rs: 6 per weight of a product; looking up an embedding costs none.
        self.flops_per_token = 6 * (self.recurrent.weights_in_products + h * vocabulary)

    def forward(self, inputs, state):
        hidden, state = self.recurrent(self.embedding(inputs), state)
        return self.output(hidden.flatten(0, 1)), state


def throughput(options):
    """Times training steps on random tokens, as scaling-core/src/cli/throughput.rs does."""
    part, layers, words, vocabulary, length = MODELS[options.model]
    vocabulary, length, rows = options.vocab or vocabulary, options.length or length, options.batch
    torch.manual_seed(1)
    model = LanguageModel(part(options.size, layers), options.size, vocabulary)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    state = model.recurrent.zero_state(rows)

    def step(state):
        """One update from a state; nats per token, and the state after it."""
        tokens = torch.randint(vocabulary, (length + 1, rows))
        logits, state = model(tokens[:-1], state)
        total = F.cross_entropy(logits, tokens[1:].flatten(), reduction="sum")
        (total / (rows if words else rows * length)).backward()  # MODELS 2.4 and 3
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total.item() / (rows * length), tuple(part.detach() for part in state)

    losses, times = [], []
    while len(times) < LEAST_STEPS or (sum(times) < options.seconds and len(times) < MOST_STEPS):
        start = time.perf_counter()
        # Words continue their text, characters begin a new one.
        loss, state = step(state if words else model.recurrent.zero_state(rows))
        times.append(time.perf_counter() - start)
        losses.append(loss)
    times = sorted(times[WARM_UP:])
    slow, median, fast = (rows * length / times[int((len(times) - 1) * q + 0.5)] for q in (0.75, 0.5, 0.25))
    return {
        "model": options.model,
        "size": options.size,
        "batch": rows,
        "samples_per_second": median,
        "quartiles": [slow, fast],
        # As built: nn.LSTM has a second bias vector, 4 h per layer, that lm-bench does without.
        "parameters": sum(p.numel() for p in model.parameters()),
        "gflops": median * model.flops_per_token / 1e9,
        "steps": len(times),
        "first_loss": losses[0],
        "ln_vocab": math.log(vocabulary),  # what the loss of a new model must be near
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
    parser = argparse.ArgumentParser(description="Training speed of a language model in PyTorch, as JSON.")
    parser.add_argument("--model", choices=MODELS, default="word-lstm2")
    parser.add_argument("--size", type=int, default=128, help="hidden units")
    parser.add_argument("--vocab", type=int, help="symbols [default: the model's]")
    parser.add_argument("--length", type=int, help="unroll [default: the model's]")
    parser.add_argument("--batch", type=int, default=32, help="sequences in an update")
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
