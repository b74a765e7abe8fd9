"""Installs fosc_tf: `pip install .` or, to work on it, `pip install -e ".[test]"`."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (HERE / "fosc_tf" / "__init__.py").read_text(), re.MULTILINE
).group(1)
SHIPPED = "fosc_tf.shipped.configs"
"""Where an installed package has its configs; see `fosc_tf.config_file`."""

setup(
    name="fosc-tf",
    version=VERSION,
    description="Dynamic (FOSC-gated) adversarial training and its evaluation on Keras/TensorFlow",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    author="fosc_tf developers",
    license="Apache-2.0",
    keywords="adversarial training, adversarial robustness, FOSC, PGD, AutoAttack, Keras",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=[*find_packages(include=["fosc_tf", "fosc_tf.*"]), SHIPPED],
    package_dir={SHIPPED: "configs"},
    package_data={"fosc_tf": ["py.typed"], "fosc_tf.show": ["*.j2"]},
    entry_points={"console_scripts": ["fosc-tf = fosc_tf.__main__:start"]},
    install_requires=[
        "tensorflow>=2.20",
        "keras>=3.10,<3.16",  # models/graph.py walks networks by clone_model; tested with both ends
        "tensorboard>=2.20",
        "tensorflow-datasets>=4.9.8",
        "importlib_resources>=6",  # tensorflow-datasets imports it without asking for it
        "absl-py>=2.1",
        "ml-collections>=1.0",
        "numpy>=1.26",
        "psutil>=5.9",
        "scipy>=1.11",
        "scikit-learn>=1.4",
        "h5py>=3.10",  # Keras' own format of weights
        "joblib>=1.3",
        "rich>=13.7",
        "matplotlib>=3.8",
        "pillow>=10.1",  # the words on a panel
        "jinja2>=3.1",
    ],
    extras_require={
        # The last two build the wheel that a test installs.
        "test": ["pytest>=8", "pytest-xdist>=3.5", "ruff>=0.9", "setuptools>=68", "wheel"],
        "art": ["adversarial-robustness-toolbox>=1.18"],
        "foolbox": ["foolbox>=3.3.4"],
        "cleverhans": ["cleverhans>=4.0"],
        "optuna": ["optuna>=3.6"],
        # The second reads VNN-LIB 1.0, for the tests; from 1 on it reads 2.0 alone.
        "vnnlib": ["onnx>=1.17", "vnnlib<1"],
        "docs": ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.27", "ruff>=0.9"],
        "parity": ["torch>=2.2", "torchattacks>=3.5"],
        "gpu": ["tensorflow[and-cuda]>=2.20"],
    },
)
