"""Trains, evaluates and exports robust networks from a config.

python main.py --config=digits_dynamic [--workdir=DIR] [--mode=train]
               [--config.section.field=value ...]

For a clone that is not installed; else `fosc-tf` and `python -m fosc_tf` do the same anywhere.
"""

from fosc_tf.__main__ import start

if __name__ == "__main__":
    start()
