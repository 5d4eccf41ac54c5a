"""The recognisers of speech-bench in PyTorch (eager mode), for peer.py."""

import math

import torch
from torch import nn
from torch.nn import functional as F

RATE = 3e-4
MODELS = {"ds2": (29, 400), "attention": (31, 400)}  # name: (symbols, frames)
FRAMES_PER_CHARACTER = 10


class DeepSpeech(nn.Module):
    """Two convolutions, four bidirectional LSTM layers, an output layer for CTC (MODELS 5.2)."""

    bins, clip = 161, 400.0

    def __init__(self, h, vocabulary):
        super().__init__()
        # Images are (batch, channels, frequencies, frames).
        self.first = nn.Conv2d(1, 32, (41, 11), (2, 2), (0, 5))
        self.second = nn.Conv2d(32, 32, (21, 11), (2, 1), (0, 5))
        self.lstm = nn.LSTM(32 * 21, h, 4, bidirectional=True)
        self.output = nn.Linear(2 * h, vocabulary)

    def loss(self, features, transcripts):
        """The sum over utterances, in nats; features are (batch, frames, bins)."""
        x = features.transpose(1, 2).unsqueeze(1)
        x = F.hardtanh(self.first(x), 0.0, 20.0)
        x = F.hardtanh(self.second(x), 0.0, 20.0)
        x = x.flatten(1, 2).permute(2, 0, 1)
        y, _ = self.lstm(x)
        likelihoods = F.log_softmax(self.output(y), 2, dtype=torch.float32)
        steps, rows, symbols = likelihoods.shape
        lengths = torch.full((rows,), steps), torch.full((rows,), transcripts.shape[1])
        return F.ctc_loss(likelihoods, transcripts, *lengths, blank=symbols - 1, reduction="sum")

    @staticmethod
    def products(h, vocabulary, _frames):
        """Products for an input frame."""
        convolutions = 61 * 32 * 41 * 11 + 21 * 32 * 32 * 21 * 11
        recurrent = sum(8 * h * (inputs + h) for inputs in (672, 2 * h, 2 * h, 2 * h))
        return (convolutions + recurrent + 2 * h * vocabulary) / 2

    @staticmethod
    def first_loss(vocabulary, frames, characters):
        """Nats per character if all paths, counted without double letters, are equally likely."""
        steps = (frames + 1) // 2
        paths = math.comb(steps + characters, 2 * characters)
        return (steps * math.log(vocabulary) - math.log(paths)) / characters


class Attention(nn.Module):
    """Three bidirectional LSTM layers, pooled in between; hybrid attention; two cells (MODELS 5.3)."""

    bins, clip = 40, 10.0
    keys, length, filters = 128, 51, 4

    def __init__(self, e, vocabulary):
        super().__init__()
        a = c = e // 2
        inputs = (self.bins, 2 * e, 2 * e)
        self.encoder = nn.ModuleList(nn.LSTM(size, e, bidirectional=True) for size in inputs)
        self.key = nn.Linear(2 * e, self.keys)
        # The rows that one-hot symbols have in the cell's weight.
        self.symbols = nn.Embedding(vocabulary, 4 * a)
        self.cell = nn.Linear(2 * e + a, 4 * a)
        self.query = nn.Linear(2 * a, self.keys)
        self.place = nn.Conv1d(1, self.filters, self.length, padding=self.length // 2, bias=False)
        self.location = nn.Linear(self.filters, self.keys, bias=False)
        self.energy = nn.Linear(self.keys, 1, bias=False)
        self.decoder = nn.LSTM(a + 2 * e, c)
        self.output = nn.Linear(c, vocabulary)
        self.width = a

    def loss(self, features, transcripts):
        """The sum over utterances, in nats; features are (batch, frames, bins)."""
        x = features.transpose(0, 1)
        for layer, lstm in enumerate(self.encoder):
            if layer > 0:
                x = torch.maximum(x[0::2], x[1::2])
            x, _ = lstm(x)
        memory, keys = x.transpose(0, 1), self.key(x).transpose(0, 1)
        rows, positions, _ = memory.shape
        vocabulary = self.output.out_features
        read = F.pad(transcripts, (1, 0), value=vocabulary - 2)
        written = F.pad(transcripts, (0, 1), value=vocabulary - 1)
        h = c = memory.new_zeros(rows, self.width)
        context, shares = memory.new_zeros(rows, memory.shape[2]), memory.new_zeros(rows, positions)
        outputs = []
        for gates in self.symbols(read).unbind(1):
            gates = gates + self.cell(torch.cat([context, h], 1))
            i, j, f, o = gates.chunk(4, 1)
            c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(j)
            h = torch.sigmoid(o) * torch.tanh(c)
            place = self.location(self.place(shares.unsqueeze(1)).transpose(1, 2))
            heard = torch.tanh(keys + place + self.query(torch.cat([c, h], 1)).unsqueeze(1))
            shares = torch.softmax(self.energy(heard).squeeze(2), 1)
            context = torch.bmm(shares.unsqueeze(1), memory).squeeze(1)
            outputs.append(torch.cat([h, context], 1))
        y, _ = self.decoder(torch.stack(outputs))
        return F.cross_entropy(self.output(y).flatten(0, 1), written.t().flatten(), reduction="sum")

    @classmethod
    def products(cls, e, vocabulary, frames):
        """Products for an input frame."""
        a = c = e // 2
        k, place, location = cls.keys, cls.length * cls.filters, cls.filters * cls.keys
        inputs = (cls.bins, 2 * e, 2 * e)
        encoder = sum(8 * e * (size + e) / 2**layer for layer, size in enumerate(inputs))
        attended = frames / 4 * (place + location + k + 2 * e)
        step = 4 * a * (2 * e + a) + 2 * a * k + 4 * c * (a + 2 * e + c) + c * vocabulary + attended
        return encoder + 2 * e * k / 4 + step / FRAMES_PER_CHARACTER

    @staticmethod
    def first_loss(vocabulary, _frames, characters):
        """Nats per character if all symbols are equally likely; the end is another one to write."""
        return math.log(vocabulary) * (characters + 1) / characters


class Training:
    """Updates on random utterances, as `synthetic_learner` in the task.rs of the domain makes them."""

    def __init__(self, options):
        vocabulary, frames = MODELS[options.model]
        self.vocabulary, self.frames = options.vocab or vocabulary, options.length or frames
        self.rows, size = options.batch, int(options.size)
        kind = DeepSpeech if options.model == "ds2" else Attention
        self.alphabet = self.vocabulary - (1 if kind is DeepSpeech else 3)
        self.model = kind(size, self.vocabulary)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self.samples_per_step, self.device = self.rows * self.frames, options.device
        self.flops_per_sample = 6 * kind.products(size, self.vocabulary, self.frames)
        # A few minibatches that take turns, since only their shape matters.
        self.characters, self.number = max(self.frames // FRAMES_PER_CHARACTER, 1), 0
        self.batches = [
            (
                torch.randn(self.rows, self.frames, self.model.bins, device="cpu"),
                torch.randint(self.alphabet, (self.rows, self.characters), device="cpu"),
            )
            for _ in range(4)
        ]
        self.first_loss = kind.first_loss(self.vocabulary, self.frames, self.characters)

    def step(self, half):
        """One update; nats per character. Samples from the host, products in the precision of `half`."""
        batch = self.batches[self.number % len(self.batches)]
        features, transcripts = (part.to(self.device) for part in batch)
        self.number += 1
        with half:
            total = self.model.loss(features, transcripts)
        (total / self.rows).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.model.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total.item() / (self.rows * self.characters)
