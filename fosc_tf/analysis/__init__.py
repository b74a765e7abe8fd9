"""Looking closer: what FOSC tells of a trained network and of its training, drawn and in arrays.

bins = fosc_tf.analysis.fosc_bins(fosc, hit, loss, upper=0.1)
bins.accuracy_correlation
"""

from fosc_tf.analysis.bins import Bins, automatic_upper, fosc_bins, pearson
from fosc_tf.analysis.cross_table import Setting, cross_table
from fosc_tf.analysis.density import kernel_density
from fosc_tf.analysis.recording import Recording
from fosc_tf.analysis.settings import Settings
from fosc_tf.analysis.subject import Subject
from fosc_tf.analysis.summary import show
from fosc_tf.analysis.traces import picked, step_curves, traces
from fosc_tf.analysis.training_views import course, fosc_by_epoch, last_epoch
from fosc_tf.analysis.views import make_views

__all__ = [
    "Bins",
    "Recording",
    "Setting",
    "Settings",
    "Subject",
    "automatic_upper",
    "course",
    "cross_table",
    "fosc_bins",
    "fosc_by_epoch",
    "kernel_density",
    "last_epoch",
    "make_views",
    "pearson",
    "picked",
    "show",
    "step_curves",
    "traces",
]
