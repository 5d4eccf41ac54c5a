"""The residual networks of vision-bench in PyTorch (eager mode), for peer.py.

The layers are those of torchvision's `resnet`, whose filters cannot be scaled; memory is channels-last, in
which oneDNN is the faster here.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

RATE, MOMENTUM = 1e-3, 0.9  # as in vision-bench's `throughput`
STEM, WIDTHS = 64, (64, 128, 256, 512)


def layer(side, channels, filters, stride=1):
    """A convolution and its batch normalisation."""
    convolution = nn.Conv2d(channels, filters, side, stride, side // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(filters))


class Block(nn.Module):
    """relu(branch(x) + shortcut(x)); the last scale starts at zero."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.first, self.second = layer(3, channels, filters, stride), layer(3, filters, filters)
        nn.init.zeros_(self.second[1].weight)
        self.relu = nn.ReLU(inplace=True)
        same = channels == filters and stride == 1
        self.shortcut = nn.Identity() if same else layer(1, channels, filters, stride)

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x))).add_(self.shortcut(x)))


class ResNet(nn.Module):
    """Stem, blocks, mean over all pixels, output layer (MODELS 1.2)."""

    def __init__(self, blocks, factor, classes):
        super().__init__()
        self.stem = nn.Sequential(layer(7, 3, STEM, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        channels, parts = STEM, []
        for group, (width, count) in enumerate(zip(WIDTHS, blocks)):
            filters = math.floor(factor * width)
            for number in range(count):
                parts.append(Block(channels, filters, 2 if group and not number else 1))
                channels = filters
        self.blocks, self.output = nn.Sequential(*parts), nn.Linear(channels, classes)

    def forward(self, images):
        return self.output(self.blocks(self.stem(images)).mean((2, 3)))


MODELS = {"resnet18": (2, 2, 2, 2)}  # name: blocks of the groups


def operations(model, side):
    """Of the products, forward and backward, per image; the first layer needs no gradient by the image."""
    flops, hooks = 0, []

    def count(module, inputs, output):
        nonlocal flops
        passes = 2 if inputs[0].shape[1] == 3 else 3
        flops += 2 * passes * module.weight.numel() * output[0].numel() // output.shape[1]

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            hooks.append(module.register_forward_hook(count))
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, side, side))
    model.train()
    for hook in hooks:
        hook.remove()
    return flops


class Training:
    """Updates on random images, as `synthetic_learner` in the task.rs of the domain makes them."""

    def __init__(self, options):
        side, classes, rows = options.length or 224, options.vocab or 1000, options.batch
        self.model = ResNet(MODELS[options.model], options.size, classes)
        self.model.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True)
        self.flops_per_sample = operations(self.model, side)
        self.samples_per_step, self.number = rows, 0
        # A few minibatches that take turns, since only their shape matters.
        cpu = {"device": "cpu"}
        self.batches = [
            (torch.rand(rows, 3, side, side, **cpu) * 4 - 2, torch.randint(classes, (rows,), **cpu))
            for _ in range(4)
        ]
        self.device = options.device
        self.first_loss = math.log(classes)

    def step(self, half):
        """One update; nats per image. Samples come from the host, products are of the precision of `half`."""
        images, labels = self.batches[self.number % len(self.batches)]
        self.number += 1
        images = images.clone(memory_format=torch.channels_last).to(self.device)
        with half:
            loss = F.cross_entropy(self.model(images), labels.to(self.device))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()
