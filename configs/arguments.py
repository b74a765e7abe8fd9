"""What only some defenses have for arguments: fields of `config.defense`, with their comments.

A leaf hands them on: common.digits("atas", **arguments.atas()).
"""

from __future__ import annotations

from ml_collections import FieldReference


def dynamic(control_epochs: int) -> dict[str, object]:
    """Returns the fields that only Dynamic training has."""
    return {
        "c_max": FieldReference(0.5, field_type=object),  # nats, the first threshold, or "auto"
        "c_min": 0.0,  # nats, the last threshold (the paper: 0)
        "control_epochs": control_epochs,  # T', epochs until c_t is c_min
        "feasible": "ball",  # FOSC over the ball (the paper) or ball and pixel limits: box
        "self_weighted": False,  # the authors' code: weight examples by their own loss
    }


def memory(reset_epochs: int) -> dict[str, object]:
    """Returns the fields that only defenses with a memory have."""
    return {
        "reset_epochs": reset_epochs,  # period of epochs that begin anew; 0 never
        "memory_dtype": "float32",  # of what is remembered: float32 | float16 | int8
        "memory_shrink": 1,  # side of the squares of pixels whose mean alone is remembered
    }


def atas(reset_epochs: int = 10) -> dict[str, object]:
    """Returns the fields that only ATAS has."""
    return {
        "step_share": 2.0,
        "num_steps": 0,
        "constant": 1.28,  # c, nats of one example per unit of pixels; larger gradients step less
        "beta": 0.5,  # share of the running squared gradient norm that stays, [0, 1)
        "constant_epochs": 5,  # first epochs in which all steps are epsilon
        **memory(reset_epochs),
    }


def dynamic_memory(control_epochs: int, num_steps: int = 1) -> dict[str, object]:
    """Returns the fields that only Dynamic with memory has."""
    return {
        "num_steps": num_steps,  # K, the most steps of an epoch
        "c_max": 0.25,  # nats, the first threshold
        "c_min": 0.0,  # nats, the last threshold
        "control_epochs": control_epochs,  # T', epochs until c_t is c_min
        "stop_share": 0.0,  # instead: share that may stop at its start, falling to 0; 0 none
        "refresh": 0.0,  # share of the examples that start anew in any epoch
        "feasible": "box",  # FOSC over the ball or ball and pixel limits: box
        **memory(reset_epochs=0),
    }


def free(replays: int) -> dict[str, object]:
    """Returns the fields that only Free has."""
    return {
        "step_share": 1.0,
        "num_steps": 0,
        "replays": replays,  # m, weight updates of each batch in turn; divides total_epochs
    }


def yopo(num_steps: int, step_share: float = 0.25) -> dict[str, object]:
    """Returns the fields that only YOPO has."""
    return {
        "step_share": step_share,
        "num_passes": 5,  # m, over the whole network in each update
        "num_steps": num_steps,  # n, over the first layer in each pass
    }


def divergence(beta: float) -> dict[str, object]:
    """Returns the fields that TRADES and MART have."""
    return {
        "beta": beta,  # weight of the divergence of clean and adversarial predictions
        "deviation": 0.001,  # of the start's noise, per pixel
    }


def adaptive_atta(warm_up_epochs: int) -> dict[str, object]:
    """Returns the fields that only ATTA with adaptive targets has."""
    return {
        "num_steps": 1,
        "step_share": 0.5,
        "rho": 0.9,  # share of the remembered target that stays, [0, 1)
        "beta": 0.1,  # share of the label in what is trained on; 1 leaves the target out
        "reweight": True,  # examples by the probability of their label
        "warm_up_epochs": warm_up_epochs,  # without either
        **memory(reset_epochs=0),
    }


def sat(warm_up_epochs: int) -> dict[str, object]:
    """Returns the fields that only SAT has."""
    return {
        "rho": 0.9,  # share of the remembered target that stays, [0, 1)
        "warm_up_epochs": warm_up_epochs,  # of TRADES, before targets move
        **divergence(beta=6.0),
    }


def amata(least_steps: int = 2) -> dict[str, object]:
    """Returns the fields that only Amata has."""
    return {
        "least_steps": least_steps,  # K of the first epoch, rising to num_steps
        "shape": "linear",  # linear | exponential, how K rises
        "eta": 1.0,  # bends the exponential; above 0 steps grow early
    }
