"""Lists of runs that study one thing on MNIST: capacity, curvature, parts, collapses, radii."""

from __future__ import annotations

from configs.lists import LAST, labelled, runs

SMALL = {
    "data__examples": (11000,),
    "total_epochs": (12,),
    "model__name": ("mnist_small",),
    "optimizer__name": ("adam",),
    "optimizer__learning_rate": (1e-3,),
    "optimizer__weight_decay": (0.0,),
    "optimizer__drop_epochs": ("()",),
    "evaluation__attacks": ("('clean','pgd-20@1000')",),
    **LAST,
}
"""10,000 images and 1,000 held out, the small CNN of Fast."""


def mnist_capacity() -> tuple[tuple[str, ...], ...]:
    """Figure 4.14 of Liu's thesis: a narrow LeNet at 0.4, epsilon constant or rising, 10 epochs."""
    fields = {
        "model__width": (4,),
        "periods__lengths": ("()", "(10,)"),
        "total_epochs": (10,),
        "defense__num_steps": (10,),
        "defense__step_size": (0.08,),
        "evaluation__attacks": ("('clean','pgd-20','autoattack@1000')",),
        **LAST,
    }
    return tuple(sorted(runs("mnist_pas", seeds=2, **fields), key=lambda run: run[2]))


def mnist_spectra() -> tuple[tuple[str, ...], ...]:
    """Figure 4.4 of Liu's thesis: small CNNs trained at several epsilons, to compare Hessians.

    Trained by Fast, for PGD-10 at 0.3 does not leave the constant classifier within 5 epochs. The
    spectra are drawn by --mode=analyze in one folder, with the others as `analysis.others`.
    """
    fields = {
        "evaluation__attacks": ("('clean','pgd-20@1000')",),
        **LAST,
    }
    recipe = {
        "data__batch_size": (100,),
        "model__name": ("mnist_small",),
        "total_epochs": (10,),
        "optimizer__name": ("adam",),
        "optimizer__learning_rate": (5e-3,),
        "optimizer__weight_decay": (0.0,),
        "optimizer__schedule": ("cyclic",),
        "optimizer__drop_epochs": ("()",),
    }
    return (
        *runs("mnist_unsecured", **recipe | fields),
        *runs("mnist_fast", defense__epsilon=(0.1, 0.2, 0.3), seeds=2, **fields),
    )


def mnist_subnetworks() -> tuple[tuple[str, ...], ...]:
    """Tables 5.2 and 5.4 of Liu's thesis in small: parts of a random CNN, trained by ATTA.

    At 0.3, and at 0.1, which they withstand. Dense networks of about as many weights, one of all
    weights and one of their signs stand beside them.
    """
    return _subnetworks("") + _subnetworks("epsilon=0.1,", defense__epsilon=(0.1,))


def _subnetworks(prefix: str, **shared: tuple) -> tuple[tuple[str, ...], ...]:
    fields = shared | {
        "evaluation__attacks": ("('clean','pgd-20','autoattack@1000')",),
        **LAST,
    }

    def one(label: str, **chosen: object) -> tuple[tuple[str, ...], ...]:
        of_all = {name: (value,) for name, value in chosen.items()}
        return labelled(prefix + label, "mnist_subnetwork", ":defense=atta", **fields | of_all)

    def of(label: str, **subnetwork: object) -> tuple[tuple[str, ...], ...]:
        return one(label, **{f"subnetwork__{name}": value for name, value in subnetwork.items()})

    whole = {"subnetwork__rate": 0.0, "optimizer__learning_rate": 0.01}
    signs = {"subnetwork__rate": 0.0, "subnetwork__trained": "signs"} | {
        "optimizer__name": "adam",
        "optimizer__learning_rate": 0.01,
        "optimizer__momentum": 0.0,
        "optimizer__weight_decay": 0.0,
    }
    beside = (
        *one("rate=0.0,width=0.315", model__width=0.315, **whole),
        *one("rate=0.0,width=0.1", model__width=0.1, **whole),
        *one("rate=0.0,width=1.0", **whole),
        *one("rate=0.0,trained=signs", **signs),
    )
    return beside + tuple(
        run
        for rate in (0.9, 0.99)
        for run in (
            *of(f"rate={rate}", rate=rate),
            *of(f"rate={rate},gamma=1.0", rate=rate, gamma=1.0),
            *of(f"rate={rate},last_batch_norm=False", rate=rate, last_batch_norm=False),
            *of(f"rate={rate},weights=signed_kaiming", rate=rate, weights="signed_kaiming"),
        )
    )


def mnist_collapses() -> tuple[tuple[str, ...], ...]:
    """Ten runs that do not overfit catastrophically and ten that do, watched by what goes back.

    Fast, and Standard from its networks, at 0.2; then FGSM without a random start from these
    networks, at 0.25 and 0.3, which breaks them in its first epoch. What counts is in each
    history.json. One process at a time: the others begin with the networks of Fast.
    """
    small = SMALL | {"monitor__action": ("go_back",)}
    planted = small | {"defense__fgsm_epochs": (12,)}
    fast = runs("mnist_fast", seeds=5, **small | {"defense__epsilon": (0.2,)})
    begun = (
        *runs("mnist_standard", seeds=5, **small | {"defense__epsilon": (0.2,)}),
        *runs("mnist_fgsm_pgd", seeds=5, **planted | {"defense__epsilon": (0.25, 0.3)}),
    )
    weights = "--config.model.weights={sweep}/mnist_fast,seed="
    return fast + tuple((*run, weights + run[2].rpartition("=")[2]) for run in begun)


def mnist_adapting() -> tuple[tuple[str, ...], ...]:
    """What adapts to examples, as Figures 4.23 to 4.26 of Liu's thesis: radii, weights, targets.

    Drawn by --mode=analyze in each folder.
    """
    # At 0.2 PGD-10 does not leave the constant classifier within these epochs.
    warm = SMALL | {"defense__warm_up_epochs": (2,), "defense__epsilon": (0.1,)}
    return (
        *runs("mnist_iat", **warm),
        *runs("mnist_sat", **warm),
        *runs("mnist_adaptive_atta", **warm),
    )
