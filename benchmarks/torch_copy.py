"""The same network in PyTorch: weights of a Keras network carried over layer by layer.

logits = torch_copy(network)(torch.zeros([1, 1, 28, 28]))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import torch

from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.models.graph import Node, walk

L = keras.layers


def torch_copy(network: keras.Model) -> torch.nn.Module:
    """Returns a module from [batch, channels, height, width] to the network's logits.

    Its dtype is PyTorch's default one. A padding becomes part of the convolution behind it, and the
    other order of a flattened image part of the dense layer behind it, as one writes it in PyTorch.

    Args:
        network: a functional or sequential model of the layers in `COPIES`.

    Raises:
        ValueError: a layer of another kind, or in a form that PyTorch says in another way.
    """
    return _Copy(walk(network)).eval()


class _Copy(torch.nn.Module):
    def __init__(self, graph: Any) -> None:
        super().__init__()
        self.layers, self.reads = torch.nn.ModuleList(), []
        places, makers = {id(graph.image): 0}, {}
        for node in graph.nodes:
            made_by = [makers.get(id(x)) for x in node.inputs]
            self.layers.append(_copied(node, made_by))
            self.reads.append([places[id(x)] for x in node.inputs])
            places[id(node.outputs[0])], makers[id(node.outputs[0])] = len(self.layers), node

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = [x]
        for layer, reads in zip(self.layers, self.reads, strict=True):
            values.append(layer(*(values[number] for number in reads)))
        return values[-1]


def _copied(node: Node, made_by: Sequence[Node | None]) -> torch.nn.Module:
    layer = node.layer
    for before in made_by:
        kind = type(before.layer) if before else None
        if kind in _SAID_BY and type(layer) is not _SAID_BY[kind]:
            raise ValueError(f"{type(layer).__name__} behind {kind.__name__}: {layer.name}")
    if type(layer) not in COPIES:
        raise ValueError(f"no copy of {type(layer).__name__}: {layer.name}")
    copy = COPIES[type(layer)](node, made_by[0])
    kind = getattr(layer, "activation", keras.activations.linear)
    if kind not in _ACTIVATIONS:
        raise ValueError(f"no copy of the activation of {layer.name}")
    return torch.nn.Sequential(copy, made()) if (made := _ACTIVATIONS[kind]) else copy


class _Sum(torch.nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first + second


def _convolution(node: Node, before: Node | None) -> torch.nn.Module:
    layer, (height, width) = node.layer, node.inputs[0].shape[1:3]
    kernel = layer.get_weights()[0]
    *size, channels, filters = kernel.shape
    around = [(0, 0), (0, 0)]
    if layer.padding == "same":
        around = list(map(_around, (height, width), size, layer.strides))
    if before and type(before.layer) is L.ZeroPadding2D:
        more = before.layer.padding
        around = [(a + c, b + d) for (a, b), (c, d) in zip(around, more, strict=True)]
    if any(a != b for a, b in around) or layer.dilation_rate != (1, 1) or layer.groups != 1:
        raise ValueError(f"padding {around}, dilation or groups of {layer.name}")
    copy = torch.nn.Conv2d(
        channels, filters, size, layer.strides, [a for a, _ in around], bias=layer.use_bias
    )
    return _filled(copy, weight=kernel.transpose(3, 2, 0, 1), bias=layer.bias)


def _around(side: int, size: int, stride: int) -> tuple[int, int]:
    """Returns the zeros that "same" puts before and behind."""
    all_ = max((-(-side // stride) - 1) * stride + size - side, 0)
    return all_ // 2, all_ - all_ // 2


def _batch_norm(node: Node, before: Node | None) -> torch.nn.Module:
    del before
    layer = node.layer
    gamma, beta, mean, variance = layer.get_weights()
    kind = torch.nn.BatchNorm2d if len(node.inputs[0].shape) == 4 else torch.nn.BatchNorm1d
    copy = kind(len(gamma), eps=layer.epsilon)
    return _filled(copy, weight=gamma, bias=beta, running_mean=mean, running_var=variance)


def _dense(node: Node, before: Node | None) -> torch.nn.Module:
    layer = node.layer
    kernel = layer.get_weights()[0]
    copy = torch.nn.Linear(*kernel.shape, bias=layer.use_bias)
    if before and type(before.layer) is L.Flatten and len(before.inputs[0].shape) == 4:
        # PyTorch has the channels before the pixels.
        units, sides = kernel.shape[1], before.inputs[0].shape[1:]
        kernel = kernel.reshape(*sides, units).transpose(2, 0, 1, 3).reshape(-1, units)
    return _filled(copy, weight=kernel.T, bias=layer.bias)


def _average_pooling(node: Node, before: Node | None) -> torch.nn.Module:
    del before
    if node.layer.padding != "valid":
        raise ValueError(f"padding of {node.layer.name}")
    return torch.nn.AvgPool2d(node.layer.pool_size, node.layer.strides)


def _leaky(node: Node, before: Node | None) -> torch.nn.Module:
    del before
    slope = float(node.layer.negative_slope)
    return torch.nn.LeakyReLU(slope) if slope else torch.nn.ReLU()


def _plain(made: Callable[[], torch.nn.Module]) -> Callable[..., torch.nn.Module]:
    return lambda node, before: made()


COPIES = {
    L.Conv2D: _convolution,
    L.ZeroPadding2D: _plain(torch.nn.Identity),
    L.BatchNormalization: _batch_norm,
    FusedBatchNormalization: _batch_norm,
    L.ReLU: _leaky,
    L.LeakyReLU: _leaky,
    L.Activation: _plain(torch.nn.Identity),
    L.Add: _plain(_Sum),
    L.MaxPooling2D: lambda node, before: torch.nn.MaxPool2d(node.layer.pool_size),
    L.AveragePooling2D: _average_pooling,
    L.GlobalAveragePooling2D: _plain(
        lambda: torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    ),
    L.Flatten: _plain(torch.nn.Flatten),
    L.Dense: _dense,
}
"""From a kind of layer to its copy; an activation that it takes as an argument goes behind."""
_ACTIVATIONS = {
    keras.activations.linear: None,
    keras.activations.relu: torch.nn.ReLU,
    keras.activations.sigmoid: torch.nn.Sigmoid,
    keras.activations.tanh: torch.nn.Tanh,
}
_SAID_BY = {L.ZeroPadding2D: L.Conv2D, L.Flatten: L.Dense}
"""Whose copy the layer behind it completes."""


def _filled(module: torch.nn.Module, **arrays: Any) -> torch.nn.Module:
    state = module.state_dict()
    for name in state.keys() & arrays.keys():
        state[name] = torch.from_numpy(
            np.array(keras.ops.convert_to_numpy(arrays[name]), order="C")
        )
    module.load_state_dict(state)
    return module
