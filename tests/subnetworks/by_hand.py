"""A dense network of two layers trained by NumPy, its kernels computed from what is trained.

weights = trained(latent, bias, kernel, slope, image, label, steps=5)
"""

import numpy as np

RATE, MOMENTUM, DECAY = 0.05, 0.9, 1e-2


def trained(latent, bias, kernel, slope, image, label, *, steps, train_bias=True, clip=None):
    """Returns latent variables and biases after steps of SGD with coupled decay on one batch.

    Args:
        latent: two arrays that are trained, in float64.
        bias: two arrays; None without.
        kernel: of (latent, layer), the weights at work.
        slope: of (gradient of the kernel, layer), the gradient of the latent array.
        image: [batch, n].
        label: [batch].
        steps: of the same batch.
        train_bias: whether biases move.
        clip: latent variables are clipped to +- this after each step.
    """
    image = image.astype(np.float64)
    latent = [each.astype(np.float64) for each in latent]
    bias = [each.astype(np.float64) for each in bias or ()] or [0.0, 0.0]
    speed = [np.zeros_like(each) for each in latent]
    bias_speed = [np.zeros_like(each) for each in bias]
    for _ in range(steps):
        first, second = (kernel(each, layer) for layer, each in enumerate(latent))
        raw = image @ first + bias[0]
        hidden = np.maximum(raw, 0)
        logits = hidden @ second + bias[1]
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        share[np.arange(len(label)), label] -= 1
        share /= len(label)
        before = (share @ second.T) * (raw > 0)
        kernels = [image.T @ before, hidden.T @ share]
        for layer, gradient in enumerate(kernels):
            gradient = slope(gradient, layer) + DECAY * latent[layer]
            speed[layer] = MOMENTUM * speed[layer] - RATE * gradient
            latent[layer] = latent[layer] + speed[layer]
            if clip is not None:
                latent[layer] = np.clip(latent[layer], -clip, clip)
        if train_bias:
            for layer, gradient in enumerate((before.sum(axis=0), share.sum(axis=0))):
                bias_speed[layer] = MOMENTUM * bias_speed[layer] - RATE * (
                    gradient + DECAY * bias[layer]
                )
                bias[layer] = bias[layer] + bias_speed[layer]
    return latent, bias
