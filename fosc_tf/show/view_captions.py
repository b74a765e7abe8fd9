"""Sentences under the views of an analysis, in the numbers that were drawn. Epochs from 1.

of_view("bins", summary, arrays)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fosc_tf.readable import amount
from fosc_tf.show.captions import course, joined
from fosc_tf.show.columns import signed

Arrays = Mapping[str, np.ndarray]


def of_view(name: str, summary: Mapping[str, Any], arrays: Arrays) -> str:
    """Returns what the view called `name` shows; its title where there is nothing to add.

    Args:
        name: as in `summary["views"]`.
        summary: what `analysis.make_views` returned.
        arrays: of the view.
    """
    makers = {
        "bins": lambda: _bins(summary, 0),
        "bins_auto": lambda: _bins(summary, 1),
        "trace": lambda: _trace(arrays),
        "step_curves": lambda: _steps(arrays),
        "cross_table": lambda: _cross_table(arrays),
        "last_epoch": lambda: _last_epoch(arrays),
        "fosc_by_epoch": lambda: _by_epoch(arrays),
        "course": lambda: _spent(arrays),
        "gradient_norms": lambda: _norms(arrays),
        "adaptation": lambda: _adaptation(arrays),
        "updates": lambda: _updates(arrays),
        "spectrum": lambda: _spectrum(arrays),
        "surface": lambda: _surface(arrays),
        "perturbation_cosine": lambda: _turned(arrays),
        "connectivity": lambda: _connected(arrays),
        "overfitting": lambda: _overfitting(arrays),
        "groups": lambda: _groups(arrays),
    }
    return makers[name]() if name in makers else f"{summary['views'][name]}."


def _adaptation(arrays: Arrays) -> str:
    names = [name for name in arrays if f"correlation_{name}" in arrays]
    told = (
        f"{name.replace('_', ' ')}: {arrays[name][0]:.3g} on average of the hardest tenth, "
        f"{arrays[name][-1]:.3g} of the easiest, correlation with difficulty "
        f"{signed(float(arrays[f'correlation_{name}']))}"
        for name in names
    )
    return f"{'; '.join(told)}. Difficulty 1 is the easiest example.".capitalize()


def _updates(arrays: Arrays) -> str:
    told = []
    for part in ("first", "last"):
        number, norm = arrays[f"{part}_update"], arrays[f"{part}_gradient_norm"]
        if len(number):
            distance, error = arrays[f"{part}_distance"][-1], 100 * arrays[f"{part}_error"].mean()
            told.append(
                f"Updates {number[0]} to {number[-1]}: the gradient's norm is "
                f"{np.median(norm):.3g} in the median, {error:.1f} % are wrong at the images "
                f"trained on, and the weights end {distance:.3g} from where they began."
            )
    return " ".join(told)


def _spectrum(arrays: Arrays) -> str:
    told = []
    for place, (name, epsilon) in enumerate(zip(arrays["network"], arrays["epsilon"], strict=True)):
        values, unit = arrays["values"][place], arrays["unit"][place]
        told.append(
            f"{name} at epsilon {epsilon:.3g}: the largest is {values[0]:.3g} (residual norm "
            f"{arrays['residuals'][place][0]:.1e}), {values[0] / unit:.3g} over the loss at random "
            f"weights; the trace is {arrays['trace'][place]:.3g} "
            f"± {arrays['trace_error'][place]:.2g}."
        )
    return " ".join(told)


def _surface(arrays: Arrays) -> str:
    told = []
    for place, name in enumerate(arrays["name"]):
        loss = arrays[f"loss_{place}"]
        middle = loss[len(loss) // 2, len(loss) // 2]
        told.append(f"{name}: {middle:.3g} nats at the network, up to {loss.max():.3g}")
    return f"{'; '.join(told)}. The cross is the network.".capitalize()


def _turned(arrays: Arrays) -> str:
    told = (
        f"{name}: cosine {arrays[f'cosine_{place}'][0]:.2f} at distance "
        f"{arrays[f'distance_{place}'][0]:g}, {arrays[f'cosine_{place}'][-1]:.2f} at "
        f"{arrays[f'distance_{place}'][-1]:g}"
        for place, name in enumerate(arrays["name"])
    )
    return f"{'; '.join(told)}.".capitalize()


def _connected(arrays: Arrays) -> str:
    told = (
        f"{text}: {arrays[f'{path}_{images}_loss'].max():.3g} nats, {images}"
        for path, text in (("curve", "curve"), ("line", "straight line"))
        for images in ("clean", "attacked")
        if f"{path}_{images}_loss" in arrays
    )
    return f"Largest mean loss along the way. {'; '.join(told).capitalize()}."


def _overfitting(arrays: Arrays) -> str:
    held_out, gap = 100 * arrays["held_out"], 100 * arrays["gap"]
    best = held_out[list(arrays["epoch"]).index(arrays["best"])]
    return (
        f"Held out, attacked: {best:.1f} % in epoch {arrays['best'] + 1}, the best, and "
        f"{held_out[-1]:.1f} % in epoch {arrays['last'] + 1}, the last, {best - held_out[-1]:.1f} "
        f"points lower; there training accuracy under attack is {gap[-1]:+.1f} points from it."
    )


def _groups(arrays: Arrays) -> str:
    told = (
        f"{text} from {loss[0]:.2f} to {loss[-1]:.2f} nats"
        for number, text in ((0, "of the hardest tenth"), (-1, "of the easiest"))
        for loss in (arrays["loss"][:, number],)
    )
    first, last = arrays["epoch"][0] + 1, arrays["epoch"][-1] + 1
    return f"Mean loss, epoch {first} to {last}: {', '.join(told)}."


def _norms(arrays: Arrays) -> str:
    told = (
        f"epoch {epoch + 1}: the median is {median:.3g}, the largest {largest:.3g}"
        for epoch, median, largest in zip(
            arrays["epoch"], arrays["median"], arrays["largest"], strict=True
        )
    )
    return (
        f"L2 norms of input gradients at random neighbours of held-out images; {'; '.join(told)}."
    )


def _bins(summary: Mapping[str, Any], number: int) -> str:
    told = []
    for criterion, numbers in summary["fosc"].items():
        row = numbers["correlations"][number]
        told.append(
            f"{criterion}: {row['n']} of {summary['examples']} images end with FOSC in "
            f"[0, {row['upper']:.3g}]; its correlation over the bins is "
            f"{signed(row['accuracy_correlation'])} with accuracy and "
            f"{signed(row['loss_correlation'])} with the loss."
        )
    return " ".join(f"{each[:1].upper()}{each[1:]}" for each in told)


def _trace(arrays: Arrays) -> str:
    wrong, fosc = ~arrays["hit"][-1], arrays["fosc_ball"]
    told = [f"{wrong.sum()} of {len(wrong)} images are misclassified at the end."]
    for members, who in ((wrong, "Their mean ball FOSC"), (~wrong, "That of the others")):
        if members.any():
            begun, ended = fosc[0, members].mean(), fosc[-1, members].mean()
            told.append(f"{who} begins at {begun:.2f} and ends at {ended:.2f} nats.")
    return " ".join(told)


def _steps(arrays: Arrays) -> str:
    accuracy, loss = 100 * arrays["accuracy"], arrays["loss_mean"]
    fosc = ", ".join(
        f"{criterion} FOSC from {mean[0]:.2f} to {mean[-1]:.2f}"
        for criterion in ("ball", "box")
        for mean in (arrays[f"fosc_{criterion}_mean"],)
    )
    return (
        f"Over {amount(arrays['step'][-1], 'step')} accuracy goes from {accuracy[0]:.1f} to "
        f"{accuracy[-1]:.1f} %, the mean loss from {loss[0]:.2f} to {loss[-1]:.2f} nats, mean "
        f"{fosc}."
    )


def _cross_table(arrays: Arrays) -> str:
    accuracy, steps, divisor = 100 * arrays["accuracy"][0], arrays["num_steps"], arrays["divisor"]

    def setting(place: int) -> str:
        size = "ε" if divisor[place] == 1 else f"ε/{divisor[place]:g}"
        return f"{amount(steps[place], 'step')} of {size}"

    strong, weak = int(accuracy.argmin()), int(accuracy.argmax())
    return (
        f"{arrays['network'][0]}: the strongest setting, {setting(strong)}, leaves "
        f"{accuracy[strong]:.1f} %, and the weakest, {setting(weak)}, {accuracy[weak]:.1f} %."
    )


def _last_epoch(arrays: Arrays) -> str:
    told = []
    for place, (name, epoch) in enumerate(zip(arrays["setting"], arrays["epoch"], strict=True)):
        peaks = [
            f"{text} {arrays[f'{part}_grid'][np.argmax(density)]:.2f} nats"
            for part, text in (("fosc", "FOSC"), ("loss", "loss"))
            for density in (arrays[f"{part}_density"][place],)
            if np.isfinite(density).all()
        ]
        told.append(f"{name}, epoch {epoch + 1}: most examples are near {' and '.join(peaks)}.")
    return " ".join(told)


def _by_epoch(arrays: Arrays) -> str:
    shares = ", ".join(
        f"{100 * share:.0f} % in epoch {epoch + 1}"
        for epoch, share in zip(arrays["epoch"], arrays["share"], strict=True)
    )
    return f"Training attacks that ended with FOSC in [0, {arrays['upper']:g}] nats: {shares}."


def _spent(arrays: Arrays) -> str:
    names = (
        ("gradients", "attack gradients per example", 1, ""),
        ("frozen", "stopped before the last step", 100, " %"),
        ("share", f"FOSC in [0, {arrays['upper']:g}]", 100, " %"),
    )
    rows = [
        {"epoch": int(epoch)}
        | {name: arrays[name][place] for name, *_ in names if np.isfinite(arrays[name][place])}
        for place, epoch in enumerate(arrays["epoch"])
    ]
    return joined(course(text, rows, name, scale, unit) for name, text, scale, unit in names)
