"""The translation model of nmt-bench in PyTorch (eager mode), for peer.py."""

import math

import torch
from torch import nn
from torch.nn import functional as F

BOUND, DROPOUT = 0.1, 0.2  # weights start uniform in [-0.1, 0.1]
RATE, CLIP = 1e-3, 5.0  # learning rate and gradient norm, as in nmt-bench's `throughput`
MODELS = {"nmt": (8_000, 25)}  # name: (source vocabulary, length)


class Translator(nn.Module):
    """Two LSTM layers on either side, general attention, input feeding, tied output (MODELS 4.2).

    The decoder is a loop over nn.LSTMCell because each step needs the attention of the one before; what does
    not wait for it is done for all steps at once: the encoder, the weights of the attention (on the memory,
    not on each query, which is the same) and the output layer.
    """

    def __init__(self, d, vocabulary):
        super().__init__()
        self.source_embedding = nn.Embedding(vocabulary, d)
        self.target_embedding = nn.Embedding(vocabulary + 2, d)  # start and end; also the output's weights
        self.encoder = nn.LSTM(d, d, 2, dropout=DROPOUT)
        self.first, self.second = nn.LSTMCell(2 * d, d), nn.LSTMCell(d, d)
        self.attention = nn.Linear(d, d, bias=False)
        self.attended = nn.Linear(2 * d, d, bias=False)
        self.bias = nn.Parameter(torch.empty(vocabulary + 2))
        self.dropout = nn.Dropout(DROPOUT)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -BOUND, BOUND)

    def forward(self, source, target, padding):
        """Logits of the tokens after those of `target`; both sides are (length, batch)."""
        memory, (h, c) = self.encoder(self.source_embedding(source))
        mask = torch.zeros(source.shape, device=source.device).masked_fill_(source == padding, -math.inf)
        mask = mask.t().unsqueeze(2)
        keys, memory = self.attention(memory).transpose(0, 1), memory.permute(1, 2, 0)
        first, second = (h[0], c[0]), (h[1], c[1])
        fed, outputs = torch.zeros_like(h[0]), []
        for embedded in self.target_embedding(target).unbind(0):
            first = self.first(torch.cat([embedded, fed], 1), first)
            second = self.second(self.dropout(first[0]), second)
            query = second[0].unsqueeze(2)
            weights = torch.softmax(torch.baddbmm(mask, keys, query), 1)
            context = torch.bmm(memory, weights).squeeze(2)
            fed = self.dropout(torch.tanh(self.attended(torch.cat([context, second[0]], 1))))
            outputs.append(fed)
        return F.linear(torch.stack(outputs).flatten(0, 1), self.target_embedding.weight, self.bias)


class Training:
    """Updates on random pairs, as `synthetic_learner` in the task.rs of the domain makes them."""

    def __init__(self, options):
        vocabulary, length = MODELS[options.model]
        d, self.rows = int(options.size), options.batch
        self.vocabulary, self.length = options.vocab or vocabulary, options.length or length
        self.model = Translator(d, self.vocabulary)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE, betas=(0.9, 0.98), eps=1e-9)
        self.samples_per_step, self.device = self.rows * self.length, options.device  # target tokens
        # Per target token, with as many source tokens: 6 per weight of a product, and as many per number of
        # the memory in scores and contexts.
        weights = 39 * d * d + d * (self.vocabulary + 2)
        self.flops_per_sample = 6 * (weights + 2 * self.length * d)
        self.first_loss = math.log(self.vocabulary + 2)

    def step(self, half):
        """One update; nats per target token. Samples from the host, products in the precision of `half`."""
        # Symbols, then unknown, padding, start, end; the source has no more than padding.
        symbols = self.vocabulary - 2
        padding, start, end = symbols + 1, symbols + 2, symbols + 3
        source = torch.randint(symbols, (self.length, self.rows), device="cpu")
        target = torch.randint(symbols, (self.length + 1, self.rows), device="cpu")
        target[0], target[-1] = start, end
        source, target = source.to(self.device), target.to(self.device)
        with half:
            logits = self.model(source, target[:-1], padding)
            total = F.cross_entropy(logits, target[1:].flatten(), ignore_index=padding, reduction="sum")
        (total / self.rows).backward()  # MODELS 4.4
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total.item() / self.samples_per_step
