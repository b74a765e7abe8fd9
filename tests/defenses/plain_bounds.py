"""Bounds of small ReLU networks written out in TensorFlow's arithmetic; nothing of `fosc_tf` here.

layers = layers_of(network, image)                 # [(kernel, bias)], batch norms merged
margins = interval_margins(layers, intervals(layers, *box(image, 0.1)), label)

All is float64, so that only the rounding of what is tested counts.
"""

import keras
import numpy as np
import tensorflow as tf

from tests.attacks.toys import NUM_CLASSES, SHAPE

LOWEST, FLOAT = 1e-6, tf.float64


def relus(widths=(8, 6), seed=0, gain=1.5, batch_norm=False):
    """Returns a network of dense layers, its biases not 0."""
    keras.utils.set_random_seed(seed)
    network = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten()])
    for width in widths:
        network.add(keras.layers.Dense(width))
        if batch_norm:
            network.add(keras.layers.BatchNormalization(momentum=0.9))
        network.add(keras.layers.ReLU())
    network.add(keras.layers.Dense(NUM_CLASSES))
    for layer in dense(network):
        kernel, _ = layer.get_weights()
        layer.set_weights([gain * kernel, np.linspace(-0.2, 0.2, layer.units)])
    return network


def dense(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]


def double(variable):
    return tf.cast(tf.convert_to_tensor(variable), FLOAT)


def flat(image):
    image = tf.cast(image, FLOAT)
    return tf.reshape(image, [len(image), -1])


def layers_of(network, image):
    """Returns kernel and bias of each layer, merged with batch norms in the clean batch's mode.

    Gradients pass through the statistics. Running ones are left alone; see `move_statistics`.
    """
    found, value = [], flat(image)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            kernel, bias = double(layer.kernel), double(layer.bias)
            found.append((kernel, bias))
            value = value @ kernel + bias
        elif isinstance(layer, keras.layers.BatchNormalization):
            mean, variance = tf.reduce_mean(value, axis=0), tf.math.reduce_variance(value, axis=0)
            scale = double(layer.gamma) / tf.sqrt(variance + layer.epsilon)
            shift = double(layer.beta)
            kernel, bias = found[-1]
            found[-1] = kernel * scale, (bias - mean) * scale + shift
            value = (value - mean) * scale + shift
        elif isinstance(layer, keras.layers.ReLU):
            value = tf.nn.relu(value)
    return found


def move_statistics(network, image):
    """Moves the running statistics by those of the batch, 0.9 old and 0.1 new."""
    value = flat(image)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            value = value @ double(layer.kernel) + double(layer.bias)
        elif isinstance(layer, keras.layers.BatchNormalization):
            value = value.numpy()
            mean, variance = value.mean(axis=0), value.var(axis=0)
            layer.moving_mean.assign(0.9 * layer.moving_mean.numpy() + 0.1 * mean)
            layer.moving_variance.assign(0.9 * layer.moving_variance.numpy() + 0.1 * variance)
            scaled = double(layer.gamma) * (value - mean) / np.sqrt(variance + layer.epsilon)
            value = scaled + double(layer.beta)
        elif isinstance(layer, keras.layers.ReLU):
            value = tf.nn.relu(value)


def logits(layers, image):
    value = flat(image)
    for number, (kernel, bias) in enumerate(layers):
        value = (tf.nn.relu(value) if number else value) @ kernel + bias
    return value


def box(image, epsilon):
    """Returns the ends of the pixels, flat."""
    image = flat(image)
    return tf.maximum(image - epsilon, 0.0), tf.minimum(image + epsilon, 1.0)


def intervals(layers, lower, upper, keeps=1.0):
    """Returns the ends of the pixels, then of what each ReLU reads."""
    found = [(lower, upper)]
    for number, (kernel, bias) in enumerate(layers[:-1]):
        if number:
            lower, upper = relu_of(lower, upper, keeps)
        up, down = tf.maximum(kernel, 0.0), tf.minimum(kernel, 0.0)
        ends = lower @ up + upper @ down + bias, upper @ up + lower @ down + bias
        lower, upper = ends
        found.append(ends)
    return found


def relu_of(lower, upper, keeps=1.0):
    upper = tf.where((lower < 0) & (upper > 0), keeps * upper, upper)
    return tf.nn.relu(lower), tf.nn.relu(upper)


def rows(label):
    """Returns e_y - e_j for all classes j, [batch, classes, classes]."""
    return tf.one_hot(label, NUM_CLASSES, dtype=FLOAT)[:, None] - tf.eye(NUM_CLASSES, dtype=FLOAT)


def interval_margins(layers, ends, label, keeps=1.0):
    """Returns what lies below z_y - z_j, [batch, classes], the last layer merged."""
    lower, upper = relu_of(*ends[-1], keeps)
    kernel, bias = layers[-1]
    merged = tf.einsum("bjc,hc->bjh", rows(label), kernel)
    least = tf.einsum("bjh,bh->bj", tf.maximum(merged, 0.0), lower)
    least += tf.einsum("bjh,bh->bj", tf.minimum(merged, 0.0), upper)
    return least + tf.einsum("bjc,c->bj", rows(label), bias)


def line(layers, ends, row, parallel):
    """Returns slopes [batch, n, pixels] and constants [batch, n] of lines below `row`."""
    constant = tf.zeros(row.shape[:2], FLOAT)
    for number in reversed(range(len(layers))):
        kernel, bias = layers[number]
        constant += tf.einsum("bnc,c->bn", row, bias)
        row = tf.einsum("bnc,hc->bnh", row, kernel)
        if number == 0:
            break
        lower, upper = ends[number]
        is_open = (lower < 0) & (upper > 0)
        width = tf.where(is_open, upper - lower, 1.0)
        above = tf.where(is_open, upper / width, tf.cast(lower >= 0, FLOAT))
        offset = tf.where(is_open, -upper * lower / width, 0.0)
        steep = tf.where(is_open, tf.cast(upper / width > 0.5, FLOAT), above)
        below = above if parallel else steep
        positive, negative = tf.maximum(row, 0.0), tf.minimum(row, 0.0)
        constant += tf.einsum("bnh,bh->bn", negative, offset)
        row = positive * below[:, None] + negative * above[:, None]
    return row, constant


def least(row, constant, lower, upper):
    """Returns the least of lines over a box."""
    found = tf.einsum("bnp,bp->bn", tf.maximum(row, 0.0), lower)
    return constant + found + tf.einsum("bnp,bp->bn", tf.minimum(row, 0.0), upper)


def parallel_ends(layers, lower, upper):
    """Returns what `intervals` does, all by lines from the image on."""
    found = [(lower, upper)]
    for number in range(1, len(layers)):
        part = layers[:number]
        units = part[-1][0].shape[1]
        every = tf.tile(tf.eye(units, dtype=FLOAT)[None], [len(lower), 1, 1])
        below, above = (line(part, found, sign * every, parallel=True) for sign in (1.0, -1.0))
        found.append((least(*below, lower, upper), -least(*above, lower, upper)))
    return found


def linear_margins(layers, ends, label, parallel=False):
    return least(*line(layers, ends, rows(label), parallel), *ends[0])


def robust(margins):
    """Returns the mean over the batch of log sum_j exp(-margin_j)."""
    return tf.reduce_mean(tf.math.log(tf.reduce_sum(tf.exp(-margins), axis=1)))


def nats(label, scores):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, scores))


def fused(layers, ends, label, share):
    """Returns the mean of log(share * U_lines + (1 - share) * U_intervals), term y being 1."""
    apart = tf.cast(tf.range(NUM_CLASSES)[None] != label[:, None], FLOAT)
    upper = -interval_margins(layers, ends, label)
    merged = tf.einsum("bjc,hc->bjh", -rows(label), layers[-1][0])
    low, high = (tf.nn.relu(end) for end in ends[-1])
    lower = tf.einsum("bjh,bh->bj", tf.maximum(merged, 0.0), low)
    lower += tf.einsum("bjh,bh->bj", tf.minimum(merged, 0.0), high)
    lower += tf.einsum("bjc,c->bj", -rows(label), layers[-1][1])
    width = tf.where(upper > lower, upper - lower, 1.0)
    chord = apart * (tf.exp(upper) - tf.exp(lower)) / width
    row = tf.einsum("bj,bjc->bc", chord, rows(label))[:, None]
    most = -least(*line(layers, ends, row, parallel=False), *ends[0])[:, 0]
    by_lines = 1.0 + most + tf.reduce_sum(apart * (tf.exp(lower) - chord * lower), axis=1)
    by_intervals = tf.reduce_sum(tf.exp(upper), axis=1)
    return tf.reduce_mean(tf.math.log(share * by_lines + (1.0 - share) * by_intervals))


def short_warm_up(ends):
    """Returns Shi's two regularisers of a ReLU network, summed."""
    radius = [tf.reduce_mean(0.5 * (upper - lower)) for lower, upper in ends]
    total = 0.0
    for (lower, upper), own in zip(ends[1:], radius[1:], strict=True):
        total += tf.maximum(0.0, 0.5 - radius[0] / own) / 0.5
        centre = 0.5 * (lower + upper)
        on, off = (tf.cast(each, FLOAT) for each in (lower > 0, upper < 0))
        spread = tf.square(centre - tf.reduce_mean(centre))
        pairs = (
            (tf.reduce_mean(centre * on), -tf.reduce_mean(centre * off)),
            (tf.reduce_mean(spread * on), tf.reduce_mean(spread * off)),
        )
        if min(float(each) for pair in pairs for each in pair) > 1e-12:
            for a, b in pairs:
                total += tf.maximum(0.0, 0.5 - tf.minimum(a / b, b / a)) / 0.5
    return total / (len(ends) - 1)


def magnitudes(network):
    return tf.add_n([tf.reduce_sum(tf.abs(double(layer.kernel))) for layer in dense(network)])


def signed_distance(slope, value, pixels):
    """Returns the linf distance within [0, 1] to where slope * d + value is 0; value's sign.

    The greedy of the thesis: entries that leave [0, 1] stop at its end, and the others go on. Where
    it is never 0, None for a value above, and for one below the distance without limits, at most 1
    and the value.
    """
    sign = 1.0 if float(value) > 0 else -1.0
    slope, left = sign * slope, sign * value
    steep = slope.numpy()
    room = np.where(steep > 0, pixels, 1.0 - pixels)
    free = steep != 0
    while True:
        if not free.any():
            anywhere = left / tf.reduce_sum(tf.abs(slope))
            return None if sign > 0 else -tf.minimum(anywhere, 1.0 + left)
        frozen = tf.constant(np.where(free | (steep == 0), 0.0, room), FLOAT)
        rest = left - tf.reduce_sum(tf.abs(slope) * frozen)
        away = rest / tf.reduce_sum(tf.abs(slope) * tf.constant(free, FLOAT))
        beyond = free & (float(away) > room)
        if not beyond.any():
            return sign * away
        free &= ~beyond


def hinges(layers, ends, label, image, alpha, closest):
    """Returns the mean over the batch of the sums of max(0, 1 - d / alpha) over near classes."""
    slopes, constants = line(layers, ends, rows(label), parallel=True)
    pixels, total = flat(image), 0.0
    for number, own in enumerate(label):
        here = constants[number] + tf.linalg.matvec(slopes[number], pixels[number])
        others = [j for j in range(NUM_CLASSES) if j != own]
        found = [
            signed_distance(slopes[number, j], here[j], pixels[number].numpy()) for j in others
        ]
        found = sorted((each for each in found if each is not None), key=float)
        total += sum(tf.maximum(0.0, 1.0 - each / alpha) for each in found[:closest])
    return total / len(label)


def smooth(step, final, first, length):
    """Returns the ramp of the authors' code, by steps; never below `LOWEST`."""
    last, middle = first + length, first + 0.25 * length
    if step >= last:
        return final
    power = (middle - first) ** 3
    factor = final / ((last - middle) * 4 * power + power * (middle - first))
    if step < middle:
        return max(factor * max(step - first, 0) ** 4, LOWEST)
    return factor * power * (middle - first) + 4 * factor * power * (step - middle)
