"""The language models of lm-bench in PyTorch (eager mode), for peer.py."""

import math

import torch
from torch import nn
from torch.nn import functional as F

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
        shape, device = (self.num_layers, rows, self.hidden_size), self.weight_ih_l0.device
        return tuple(torch.zeros(shape, device=device) for _ in "hc")


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
        return (torch.zeros(rows, self.input.shape[0], device=self.input.device),)

    def forward(self, x, state):
        (s,) = state
        weights, biases = list(self.recurrent), list(self.bias)
        projected = torch.addmm(biases[0], x.flatten(0, 1), self.input).unflatten(0, x.shape[:2])
        s, outputs = s.to(projected.dtype), []
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


class Training:
    """Updates on random tokens, as `synthetic_learner` in the task.rs of the domain makes them."""

    def __init__(self, options):
        part, layers, self.words, vocabulary, length = MODELS[options.model]
        size = int(options.size)
        self.vocabulary, self.length = options.vocab or vocabulary, options.length or length
        self.rows = options.batch
        self.model = LanguageModel(part(size, layers), size, self.vocabulary)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=RATE)
        self.state = self.model.recurrent.zero_state(self.rows)
        self.samples_per_step, self.device = self.rows * self.length, options.device
        self.flops_per_sample = self.model.flops_per_token
        self.first_loss = math.log(self.vocabulary)

    def step(self, half):
        """One update; nats per token. Samples come from the host, products are of the precision of `half`."""
        # Words continue their text, characters begin a new one.
        state = self.state if self.words else self.model.recurrent.zero_state(self.rows)
        tokens = torch.randint(self.vocabulary, (self.length + 1, self.rows), device="cpu").to(self.device)
        with half:
            logits, state = self.model(tokens[:-1], state)
            total = F.cross_entropy(logits, tokens[1:].flatten(), reduction="sum")
        (total / (self.rows if self.words else self.samples_per_step)).backward()  # MODELS 2.4 and 3
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.state = tuple(part.detach() for part in state)
        return total.item() / self.samples_per_step
