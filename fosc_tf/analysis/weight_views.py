"""Views of the loss around the weights: spectra of its Hessian, its surface, norms of the layers.

VIEWS["spectrum"].add_to(album)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fosc_tf.analysis.curvature import hessian_density, hessian_eigenvalues, hessian_trace
from fosc_tf.analysis.lipschitz import lipschitz_bound
from fosc_tf.analysis.settings import Settings, Subject
from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.surface import loss_surface, random_directions, random_loss
from fosc_tf.analysis.view import WEIGHTS, Absent, Album, view
from fosc_tf.analysis.weight_loss import trainable
from fosc_tf.errors import UserError
from fosc_tf.show import weight_plots

TRACE_DRAWS, DENSITY_DRAWS, DENSITY_STEPS = 30, 3, 60
POINTS, REACH = 15, 1.0


class _Line(NamedTuple):
    """One spectrum of a picture: whose, and the radius at which its loss is attacked."""

    subject: Subject
    epsilon: float

    @property
    def key(self) -> str:
        """What its file is called."""
        return f"of_{self.subject.fingerprint[:8]}_at_{self.epsilon:.6g}"


def check_weights(network: Any, settings: Settings) -> None:
    """Raises `UserError` for what the views of the weights would refuse, before work starts."""
    size = sum(int(np.prod(each.shape)) for each in trainable(network))
    if settings.eigenvalues > size:
        raise UserError(
            "a Hessian has as many eigenvalues as the network has trainable weights",
            f"analysis.eigenvalues={size} or less",
            f"analysis.eigenvalues={settings.eigenvalues}",
        )


def movable(album: Album) -> Subject:
    """Returns the subject, whose weights can be moved, or raises `Absent`."""
    if not getattr(album.subject.network, "trainable_variables", ()):
        raise Absent("a SavedModel has no weights to be moved; its work folder has")
    return album.subject


def _lines(album: Album) -> list[_Line]:
    """The subject at every radius asked for; whoever stands beside it at its own."""
    settings, own = album.settings, movable(album).epsilon
    radii = settings.epsilons or tuple({0.0: 0, settings.epsilon if own is None else own: 0})
    beside = [
        _Line(each, settings.epsilon if each.epsilon is None else each.epsilon)
        for each in album.subjects[1:]
        if getattr(each.network, "trainable_variables", ())
    ]
    return [*(_Line(album.subject, radius) for radius in radii), *beside]


def looked_at(album: Album) -> tuple[np.ndarray, np.ndarray]:
    """Returns the training images, float32 in [0, 1], and labels whose loss is looked at."""
    image, label, ids = album.examples
    ids = ids[: album.settings.curvature_examples]
    scale = 255.0 if image.dtype == np.uint8 else 1.0
    return np.float32(image[ids] / scale), label[ids]


def _of_line(album: Album, line: _Line, name: str) -> Arrays:
    """Returns the eigenvalues or the density of a line, kept apart from those of all others."""
    image, label = looked_at(album)
    settings = album.settings
    attack = {"norm": settings.norm, "num_steps": settings.num_steps, "seed": settings.seed}
    of = (line.subject.network, image, label)
    options = {"epsilon": line.epsilon, **attack}

    def spectrum() -> Arrays:
        found = hessian_eigenvalues(*of, k=settings.eigenvalues, **options)
        trace = hessian_trace(*of, draws=TRACE_DRAWS, **options)
        return {
            "values": found.values,
            "residuals": found.residuals,
            "trace": np.array(trace.mean),
            "trace_error": np.array(trace.error),
            "unit": np.array(_unit(of, options)),
        }

    def density() -> Arrays:
        found = hessian_density(*of, draws=DENSITY_DRAWS, steps=DENSITY_STEPS, **options)
        return dict(zip(("grid", "density"), found, strict=True))

    return album.kept(
        f"{name}_{line.key}",
        {"spectrum": spectrum, "density": density}[name],
        subjects=[line.subject],
        examples=settings.curvature_examples,
        eigenvalues=settings.eigenvalues,
        **options,
    )


def _unit(of: tuple[Any, ...], options: dict[str, Any]) -> float:
    """Returns the mean loss at random weights, NaN where nobody says how weights are drawn."""
    try:
        return random_loss(*of, **options)
    except UserError:  # such as the scores of a subnetwork
        return math.nan


def _named(lines: list[_Line]) -> Arrays:
    return {
        "network": np.array([line.subject.name for line in lines]),
        "epsilon": np.array([line.epsilon for line in lines]),
    }


@view(
    "largest eigenvalues of the Hessian of the loss, clean and attacked",
    weight_plots.spectrum,
    section=WEIGHTS,
    dear=True,
)
def spectrum_view(album: Album) -> tuple[str, Arrays]:
    """Returns values and residuals [lines, k], trace, its error and the unit of each line.

    The first training images are looked at, in evaluation mode, at perturbations that stay. The
    unit is the mean loss at random weights, by which spectra are made comparable.

    Source: Liu 2022 (thesis), Figure 4.4.
    """
    lines = _lines(album)
    found = [_of_line(album, line, "spectrum") for line in lines]
    arrays = {name: np.stack([each[name] for each in found]) for name in found[0]}
    count = len(looked_at(album)[0])
    return f"Hessian of the loss of {count} training images", _named(lines) | arrays


@view(
    "density of all eigenvalues of the Hessian of the loss, clean and attacked",
    weight_plots.hessian_density,
    section=WEIGHTS,
    dear=True,
)
def hessian_density_view(album: Album) -> tuple[str, Arrays]:
    """Returns `grid_I` and `density_I` [points] of each line I; see `spectrum_view`."""
    lines = _lines(album)
    found = [_of_line(album, line, "density") for line in lines]
    arrays = {f"{name}_{place}": each[name] for place, each in enumerate(found) for name in each}
    count = len(looked_at(album)[0])
    return f"Eigenvalues of the Hessian, {count} training images", _named(lines) | arrays


def _decided(album: Album) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the arguments of the attack, and all that decides directions."""
    settings = album.settings
    attack = {"norm": settings.norm, "num_steps": settings.num_steps, "seed": settings.seed}
    return attack, {"examples": settings.curvature_examples, "epsilon": settings.epsilon, **attack}


def directions(album: Album) -> Arrays:
    """Returns two eigenvectors of the attacked loss and two random directions, [2, weights]."""
    network, (image, label) = movable(album).network, looked_at(album)
    attack, decided = _decided(album)

    def found() -> Arrays:
        epsilon = album.settings.epsilon
        spectrum = hessian_eigenvalues(network, image, label, k=2, epsilon=epsilon, **attack)
        random = random_directions(network, album.settings.seed)
        return {"eigenvectors": spectrum.vectors, "random directions": random}

    return album.kept("directions", found, **decided)


@view(
    "the loss around the weights, along two eigenvectors and two random directions",
    weight_plots.surface,
    section=WEIGHTS,
    dear=True,
)
def surface_view(album: Album) -> tuple[str, Arrays]:
    """Returns `name` of each surface I, `x_I`, `y_I` [points] and `loss_I` [points, points].

    Eigenvectors are those of the attacked loss, of length 1; random directions are as long as the
    network's own filters.

    Source: Liu 2022 (thesis), Figure 4.6; Li et al. 2018.
    """
    image, label = looked_at(album)
    settings, subject = album.settings, movable(album)
    attack, decided = _decided(album)
    names, arrays = [], {}
    for plane, pair in directions(album).items():
        for radius in (0.0, settings.epsilon):
            found = album.kept(
                f"surface_{plane.replace(' ', '_')}_{radius:.6g}",
                lambda pair=pair, radius=radius: loss_surface(
                    subject.network,
                    image,
                    label,
                    pair,
                    reach=REACH,
                    points=POINTS,
                    **attack | {"epsilon": radius},
                ),
                radius=radius,
                plane=plane,
                reach=REACH,
                points=POINTS,
                **decided,
            )
            arrays |= {f"{name}_{len(names)}": value for name, value in found.items()}
            names.append(f"{plane}, epsilon {radius:.3g}" if radius else f"{plane}, clean")
    title = f"{subject.name}: the loss of {len(image)} training images around the weights"
    return title, {"name": np.array(names), **arrays}


@view(
    "spectral norms of the layers, whose product bounds the Lipschitz constant",
    weight_plots.lipschitz,
    section=WEIGHTS,
    dear=True,
)
def lipschitz_view(album: Album) -> tuple[str, Arrays]:
    """Returns `layer` and `norm` [layers], of what multiplies to a chain's bound, and `bound`.

    Source: Liu 2022 (thesis), section 4.3.4.
    """
    found = lipschitz_bound(movable(album).network, seed=album.settings.seed)
    block = {name: each for each in found.blocks for name in each.split(" + ")}
    # In the order of the network, layers that follow each other once.
    of = {
        block.get(name, name): found.blocks.get(block.get(name), norm)
        for name, norm in found.layers.items()
    }
    of |= {name: norm for name, norm in found.activations.items() if norm != 1.0}
    title = f"{album.subject.name}: Lipschitz constant at most {found.bound:.3g} (l2)"
    return title, {
        "layer": np.array(list(of)),
        "norm": np.array(list(of.values())),
        "bound": np.array(found.bound),
    }
