"""The same network in PyTorch: weights of a Keras mnist_cnn carried over layer by layer."""

from __future__ import annotations

import keras
import numpy as np


def torch_copy(network: keras.Model):
    """Returns a torch module from [batch, channels, height, width] to the network's logits."""
    import torch

    layers = {
        keras.layers.Conv2D: _convolution,
        keras.layers.BatchNormalization: _batch_norm,
        keras.layers.ReLU: lambda _: torch.nn.ReLU(),
        keras.layers.MaxPooling2D: lambda layer: torch.nn.MaxPool2d(layer.pool_size),
        keras.layers.Flatten: lambda _: _FlattenLikeKeras(),
        keras.layers.Dense: _dense,
    }
    made = [layers[type(layer)](layer) for layer in network.layers[1:]]
    return torch.nn.Sequential(*made).eval()


def _FlattenLikeKeras():  # noqa: N802
    import torch

    class ChannelsLast(torch.nn.Module):
        def forward(self, x):
            return x.permute(0, 2, 3, 1).flatten(1)

    return ChannelsLast()


def _convolution(layer):
    import torch

    kernel, bias = (np.array(weight) for weight in layer.get_weights())
    size = kernel.shape[0]
    copy = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], size, padding=size // 2)
    return _filled(copy, weight=kernel.transpose(3, 2, 0, 1), bias=bias)


def _batch_norm(layer):
    import torch

    gamma, beta, mean, variance = layer.get_weights()
    copy = torch.nn.BatchNorm2d(len(gamma), eps=layer.epsilon)
    return _filled(copy, weight=gamma, bias=beta, running_mean=mean, running_var=variance)


def _dense(layer):
    import torch

    kernel, bias = layer.get_weights()
    return _filled(torch.nn.Linear(*kernel.shape), weight=kernel.T, bias=bias)


def _filled(module, **arrays):
    import torch

    state = module.state_dict()
    for name, array in arrays.items():
        state[name] = torch.from_numpy(np.array(array, np.float32, order="C"))
    module.load_state_dict(state)
    return module
