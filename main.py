"""Trains, evaluates and exports robust networks from a config.

python main.py --config=configs/cifar_dynamic.py [--workdir=DIR] [--mode=train]
               [--config.section.field=value ...]
"""

from absl import flags

from fosc_tf import cli

flags.adopt_module_key_flags(cli)

if __name__ == "__main__":
    cli.start()
