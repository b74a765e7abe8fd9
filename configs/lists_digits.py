"""Lists of runs on the digits."""

from __future__ import annotations

from configs.lists import runs


def digits() -> tuple[tuple[str, ...], ...]:
    """Every defense on the digits, and what epsilon and c_max do to Dynamic training."""
    baselines = ("unsecured", "standard", "curriculum", "fgsm_pgd")
    return (
        *(run for defense in baselines for run in runs(f"digits_{defense}", seeds=3)),
        *runs("digits_dynamic", seeds=3, defense__c_max=(0.1, 0.5)),
        *runs("digits_dynamic", seeds=3, defense__epsilon=(0.1, 0.3)),
    )


def digits_pareto() -> tuple[tuple[str, ...], ...]:
    """Clean against verified accuracy on the digits: the weights of IBP and of MTL-IBP.

    `pareto.png` is drawn from held-out images; the test set is for the run that is chosen.
    """
    clean = {"evaluation__attacks": ("('clean',)",), "evaluation__check_examples": (0,)}
    return (
        *runs("digits_ibp", defense__kappa_end=(0.0, 0.25, 0.5, 0.75), **clean),
        *runs("digits_mtl_ibp", defense__alpha=(0.02, 0.1, 0.3, 0.6), **clean),
    )


def growing() -> tuple[tuple[str, ...], ...]:
    """The digits from the easiest up: 200, 400, 800 and all, the first run saying what is easy.

    Section 4.3.2 of Liu's thesis. One process at a time: the others need the losses of the first.
    """
    easy = {
        "data__subset": ("easiest",),
        "data__subset_run": ("{sweep}/digits_standard,seed=0",),
        "data__subset_examples": (200, 400, 800),
    }
    return (*runs("digits_standard"), *runs("digits_standard", **easy))


def compilation() -> tuple[tuple[str, ...], ...]:
    """What bfloat16 layers and XLA do to accuracy and time."""
    return runs(
        "digits_standard",
        seeds=3,
        precision=("float32", "mixed_bfloat16"),
        jit_compile=(False, True),
        deterministic=(False,),
    )
