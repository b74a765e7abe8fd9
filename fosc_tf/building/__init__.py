"""Parts of an experiment, each made from the config: network, defense, images. See `build`."""
