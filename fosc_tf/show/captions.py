"""Sentences under pictures: what is seen there, in the numbers that were drawn. Epochs from 1.

of_sweep({"dynamic": rows}, attack="pgd-20", epsilon=0.3, num_classes=10)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from fosc_tf.choice import best_of
from fosc_tf.show import columns
from fosc_tf.show.columns import Rows

Arrays = Mapping[str, np.ndarray]


def of_sweep(curves: Mapping[str, Rows], *, attack: str, epsilon: float, num_classes: int) -> str:
    """Returns where each network's accuracy begins, is at `epsilon`, and reaches chance."""
    return " ".join(
        _curve(f"{name}: " if len(curves) > 1 else "", rows, attack, epsilon, num_classes)
        for name, rows in curves.items()
    )


def of_accuracies(rows: Rows) -> str:
    """Returns how the accuracies of `history.json` went, and which epoch was the best."""
    names = {
        "held_out_verified": "held out, proved",
        "held_out_robust": "held out, attacked",
        "held_out_clean": "held out, clean",
        "accuracy": "training, attacked",
    }
    told = joined(course(text, rows, name, 100, " %") for name, text in names.items())
    best = best_of(rows)
    chosen = "" if best is None else f" The best network is that of epoch {best['epoch'] + 1}."
    fallen = [str(row["epoch"] + 1) for row in rows if row.get("collapsed")]
    alarm = f" Catastrophic overfitting in epoch {', '.join(fallen)}." if fallen else ""
    return told + chosen + alarm


def of_linearity(rows: Rows) -> str:
    """Returns how alignment and convergence ratio of the input gradients went."""
    parts = {
        "gradient_alignment": "mean cosine of input gradients at images and random neighbours",
        "convergence_ratio": "regret bound of ATAS over that of ATTA",
    }
    return joined(course(text, rows, name, digits=2) for name, text in parts.items())


def of_lipschitz(rows: Rows) -> str:
    """Returns how the bound of the Lipschitz constant went."""
    known = [
        {"epoch": row["epoch"], "lipschitz": np.log10(max(row["lipschitz"], 1e-12))}
        for row in rows
        if "lipschitz" in row
    ]
    return joined([course("Logarithm to base 10 of the bound", known, "lipschitz", digits=2)])


def of_cost(rows: Rows) -> str:
    """Returns what the attacks of the epochs cost."""
    mean = np.mean([row["gradients"] for row in rows if "gradients" in row])
    told = course("Attack gradients per example", rows, "gradients")
    return f"{told}; {mean:.1f} on average."


def of_convergence(rows: Rows) -> str:
    """Returns how FOSC and its threshold went."""
    parts = {"fosc": "mean FOSC of the training attacks", "threshold": "threshold c_t"}
    return joined(course(text, rows, name, 1, " nats", 2) for name, text in parts.items())


def of_examples(
    label: np.ndarray, clean: np.ndarray, taken: np.ndarray, attack: str = "PGD-20"
) -> str:
    """Returns how many images are right without and with the attack.

    Args:
        label: [n] int, true classes.
        clean: [n] int, what the images are taken for.
        taken: [n] int, what their adversarial ones are taken for.
        attack: its name.
    """
    right, holds = int(np.sum(clean == label)), int(np.sum(taken == label))
    return (
        f"Of the first {len(label)} test images the network gets {right} right, and {holds} under "
        f"{attack}. Above each stands its class, below what the adversarial image is taken for, "
        "orange where wrong. Grey in the difference is unchanged, white lighter, black darker."
    )


def _curve(who: str, rows: Rows, attack: str, epsilon: float, num_classes: int) -> str:
    points = sorted((columns.epsilon(row) or 0.0, row["accuracy"]) for row in rows)
    known = dict(points)
    near = min(known, key=lambda radius: abs(radius - epsilon))
    below = [radius for radius, share in points if share <= 1 / num_classes]
    told = f"{who}{100 * points[0][1]:.1f} % right at epsilon {points[0][0]:.3g}"
    if near != points[0][0]:
        told += f", {100 * known[near]:.1f} % under {attack} at {near:.3g}"
    chance = f"chance ({100 / num_classes:.3g} %)"
    end = f"{chance} is reached at {below[0]:.3g}" if below else f"{chance} is not reached"
    return f"{told}; {end}."


def course(
    text: str, rows: Rows, name: str, scale: float = 1, unit: str = "", digits: int = 1
) -> str:
    """Returns a number's first and last value with their epochs; nothing where it is not known."""
    known = [(row["epoch"] + 1, scale * row[name]) for row in rows if name in row]
    if not known:
        return ""
    (first, begun), (last, ended) = known[0], known[-1]
    if first == last:
        return f"{text}: {begun:.{digits}f}{unit} in epoch {first}"
    begun, ended = (f"{value:.{digits}f}{unit}" for value in (begun, ended))
    return f"{text}: {begun} in epoch {first}, {ended} in epoch {last}"


def joined(parts: Iterable[str]) -> str:
    """Returns one sentence of those that say something."""
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}."
