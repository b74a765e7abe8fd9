"""The same network in PyTorch: weights of a Keras network carried over layer by layer.

logits = torch_copy(network)(torch.zeros([1, 1, 28, 28]))
"""

from __future__ import annotations

import keras
import numpy as np
import torch

from fosc_tf.models.batch_norm import FusedBatchNormalization


def torch_copy(network: keras.Model) -> torch.nn.Module:
    """Returns a module from [batch, channels, height, width] to the network's logits.

    Args:
        network: a chain of convolutions, batch norms, ReLUs, max poolings and dense layers, such
            as mnist_cnn.
    """
    copies = {
        keras.layers.Conv2D: _convolution,
        FusedBatchNormalization: _batch_norm,
        keras.layers.ReLU: lambda _: torch.nn.ReLU(),
        keras.layers.MaxPooling2D: lambda layer: torch.nn.MaxPool2d(layer.pool_size),
        keras.layers.Flatten: lambda _: _FlattenChannelsLast(),
        keras.layers.Dense: _dense,
    }
    return torch.nn.Sequential(*(copies[type(layer)](layer) for layer in network.layers[1:])).eval()


class _FlattenChannelsLast(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def _convolution(layer: keras.layers.Conv2D) -> torch.nn.Module:
    kernel, bias = layer.get_weights()
    size, _, channels, filters = kernel.shape
    copy = torch.nn.Conv2d(channels, filters, size, padding=size // 2)
    return _filled(copy, weight=kernel.transpose(3, 2, 0, 1), bias=bias)


def _batch_norm(layer: keras.layers.BatchNormalization) -> torch.nn.Module:
    gamma, beta, mean, variance = layer.get_weights()
    copy = torch.nn.BatchNorm2d(len(gamma), eps=layer.epsilon)
    return _filled(copy, weight=gamma, bias=beta, running_mean=mean, running_var=variance)


def _dense(layer: keras.layers.Dense) -> torch.nn.Module:
    kernel, bias = layer.get_weights()
    return _filled(torch.nn.Linear(*kernel.shape), weight=kernel.T, bias=bias)


def _filled(module: torch.nn.Module, **arrays: np.ndarray) -> torch.nn.Module:
    state = module.state_dict()
    for name, array in arrays.items():
        state[name] = torch.from_numpy(np.array(array, np.float32, order="C"))
    module.load_state_dict(state)
    return module
