"""Looking closer: what FOSC tells of a trained network and of its training, drawn and in arrays.

bins = fosc_tf.analysis.fosc_bins(fosc, hit, loss, upper=0.1)
bins.accuracy_correlation
"""

from fosc_tf.analysis.album import make_views
from fosc_tf.analysis.bezier import Curve
from fosc_tf.analysis.bins import Bins, automatic_upper, fosc_bins, pearson
from fosc_tf.analysis.connection import Connection, connect
from fosc_tf.analysis.connectivity import connectivity
from fosc_tf.analysis.control_search import Grid, Trials
from fosc_tf.analysis.cross_table import Setting, cross_table
from fosc_tf.analysis.curvature import (
    Trace,
    hessian_density,
    hessian_eigenvalues,
    hessian_trace,
)
from fosc_tf.analysis.density import kernel_density
from fosc_tf.analysis.difficulty import (
    difficulty,
    difficulty_distance,
    difficulty_distances,
    difficulty_of_run,
    groups,
)
from fosc_tf.analysis.difficulty_views import (
    feature_norms,
    groups_by_epoch,
    hardest,
    overfitting,
)
from fosc_tf.analysis.gaussian_mixture import Constants, Errors, Gap, GaussianMixture, Training
from fosc_tf.analysis.hamiltonian import Control, Hamiltonian
from fosc_tf.analysis.landscape import landscape
from fosc_tf.analysis.lipschitz import Lipschitz, lipschitz_bound
from fosc_tf.analysis.logistic_toys import (
    binary_hessian,
    binary_loss,
    constant_radius,
    critical_epsilon,
    curvature_range,
    kink,
    multiclass_loss,
    separable_radius,
    witness,
)
from fosc_tf.analysis.max_margin import descent_directions, interpolator, max_margin
from fosc_tf.analysis.optimality import Optimality, Score, controls, criterion, score
from fosc_tf.analysis.perturbation_cosine import perturbation_cosine
from fosc_tf.analysis.recording import Recording
from fosc_tf.analysis.settings import Settings, Subject
from fosc_tf.analysis.spectral_norm import spectral_norm
from fosc_tf.analysis.spectrum import Spectrum
from fosc_tf.analysis.stepwise import picked, step_curves, traces
from fosc_tf.analysis.surface import loss_surface, random_directions, random_loss
from fosc_tf.analysis.training_views import (
    adaptation,
    chosen_epochs,
    course,
    fosc_by_epoch,
    gradient_norms,
    last_epoch,
    updates,
)
from fosc_tf.analysis.view import Absent, Album, Examples, View, view

__all__ = [
    "Absent",
    "Album",
    "Examples",
    "View",
    "view",
    "Bins",
    "Connection",
    "Constants",
    "Control",
    "Curve",
    "Errors",
    "Gap",
    "GaussianMixture",
    "Grid",
    "Hamiltonian",
    "Lipschitz",
    "Optimality",
    "Recording",
    "Score",
    "Setting",
    "Settings",
    "Spectrum",
    "Subject",
    "Training",
    "Trace",
    "Trials",
    "adaptation",
    "automatic_upper",
    "binary_hessian",
    "binary_loss",
    "chosen_epochs",
    "connect",
    "connectivity",
    "constant_radius",
    "controls",
    "course",
    "criterion",
    "critical_epsilon",
    "cross_table",
    "curvature_range",
    "descent_directions",
    "difficulty",
    "difficulty_distance",
    "difficulty_distances",
    "difficulty_of_run",
    "feature_norms",
    "fosc_bins",
    "fosc_by_epoch",
    "gradient_norms",
    "groups",
    "groups_by_epoch",
    "hardest",
    "interpolator",
    "hessian_density",
    "hessian_eigenvalues",
    "hessian_trace",
    "kernel_density",
    "kink",
    "landscape",
    "last_epoch",
    "lipschitz_bound",
    "loss_surface",
    "make_views",
    "max_margin",
    "overfitting",
    "multiclass_loss",
    "pearson",
    "perturbation_cosine",
    "picked",
    "random_directions",
    "random_loss",
    "score",
    "separable_radius",
    "spectral_norm",
    "step_curves",
    "traces",
    "witness",
    "updates",
]
