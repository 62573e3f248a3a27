"""The two networks in PyTorch, with the same layers and sizes, and their training.

It imports nothing of the project.
"""

import time

import torch
from torch import nn

# MobileNetV3-Small as in Keras (Howard et al., ICCV 2019, table 2): expanded channels, channels
# out, kernel, stride, squeeze-and-excite, hard-swish.
SMALL = (
    (16, 16, 3, 2, True, False),
    (72, 24, 3, 2, False, False),
    (88, 24, 3, 1, False, False),
    (96, 40, 5, 2, True, True),
    (240, 40, 5, 1, True, True),
    (240, 40, 5, 1, True, True),
    (120, 48, 5, 1, True, True),
    (144, 48, 5, 1, True, True),
    (288, 96, 5, 2, True, True),
    (576, 96, 5, 1, True, True),
    (576, 96, 5, 1, True, True),
)
# Channels inside, channels out, stride; see networks/mobile_facenet.py.
FACENET = (
    (128, 64, 2),
    *((128, 64, 1),) * 4,
    (256, 128, 2),
    *((256, 128, 1),) * 6,
    (512, 128, 2),
    *((256, 128, 1),) * 2,
)
CLASSES = {"age": 101, "gender": 2}
WARM_UP_STEPS = 3


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        inside = max(8, (channels // 4 + 4) // 8 * 8)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inside, 1),
            nn.ReLU(),
            nn.Conv2d(inside, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, features):
        return features * self.gate(features)


class Residual(nn.Sequential):
    def forward(self, features):
        return features + super().forward(features)


class Network(nn.Module):
    """A backbone and, as our default, a hidden layer of 1024 units and the logits of each task."""

    def __init__(self, backbone, units):
        super().__init__()
        self.backbone = backbone
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(units, 1024), nn.ReLU(), nn.Linear(1024, classes))
                for name, classes in CLASSES.items()
            }
        )

    def forward(self, images):
        features = self.backbone(images)
        return {name: head(features) for name, head in self.heads.items()}


def _conv(before, after, kernel, stride, activation, groups=1):
    layers = [
        nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after, 1e-3),
    ]
    return layers + ([activation] if activation else [])


def mobilenet_v3_small():
    """float32 [batch, 3, size, size] -> [batch, 576]."""
    layers, before = _conv(3, 16, 3, 2, nn.Hardswish()), 16
    for inside, after, kernel, stride, is_excited, is_swish in SMALL:

        def activation(is_swish=is_swish):
            return nn.Hardswish() if is_swish else nn.ReLU()

        block = _conv(before, inside, 1, 1, activation()) if layers[3:] else []
        block += _conv(inside, inside, kernel, stride, activation(), inside)
        block += [SqueezeExcite(inside)] if is_excited else []
        block += _conv(inside, after, 1, 1, None)
        layers.append((Residual if stride == 1 and before == after else nn.Sequential)(*block))
        before = after
    layers += [*_conv(before, 576, 1, 1, nn.Hardswish()), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return Network(nn.Sequential(*layers), 576)


def mobile_facenet():
    """float32 [batch, 3, 112, 112] -> [batch, 512]."""
    layers = _conv(3, 64, 3, 2, nn.PReLU(64)) + _conv(64, 64, 3, 1, nn.PReLU(64), 64)
    before = 64
    for inside, after, stride in FACENET:
        block = [
            *_conv(before, inside, 1, 1, nn.PReLU(inside)),
            *_conv(inside, inside, 3, stride, nn.PReLU(inside), inside),
            *_conv(inside, after, 1, 1, None),
        ]
        layers.append((Residual if stride == 1 else nn.Sequential)(*block))
        before = after
    layers += [
        *_conv(before, 512, 1, 1, nn.PReLU(512)),
        nn.Conv2d(512, 512, 7, groups=512, bias=False),
        nn.BatchNorm2d(512, 1e-3),
        nn.Flatten(),
    ]
    return Network(nn.Sequential(*layers), 512)


def run(backbone, img_size, batch_size, steps, is_norm_frozen=False):
    """Trains with Adam on one batch of noise in memory, channels last.

    Returns {"rate": images per second, "parameters": number of the backbone's}.
    """
    torch.manual_seed(0)
    network = globals()[backbone]().to(memory_format=torch.channels_last).train()
    if is_norm_frozen:
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
    images = torch.rand(batch_size, 3, img_size, img_size).to(memory_format=torch.channels_last)
    labels = {name: torch.randint(classes, (batch_size,)) for name, classes in CLASSES.items()}
    optimizer, times = torch.optim.Adam(network.parameters(), 1e-3), []
    for _ in range(WARM_UP_STEPS + steps):
        optimizer.zero_grad(set_to_none=True)
        logits = network(images)
        sum(nn.functional.cross_entropy(logits[name], labels[name]) for name in CLASSES).div(
            len(CLASSES)
        ).backward()
        optimizer.step()
        times.append(time.perf_counter())
    seconds = sorted(
        later - earlier for earlier, later in zip(times[WARM_UP_STEPS - 1 :], times[WARM_UP_STEPS:])
    )
    return {
        "rate": batch_size / seconds[len(seconds) // 2],
        "parameters": sum(parameter.numel() for parameter in network.backbone.parameters()),
    }
