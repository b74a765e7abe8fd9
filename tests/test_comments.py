"""Every field of every shipped config has a comment; how comments are read."""

import importlib
import sys

import pytest

from fosc_tf import comments, config_file
from tests.program import ROOT

SOURCE = '''
"""Doc."""
from configs import common

def get_config():
    config = common.digits(
        "dynamic",
        mixing=True,  # of lessons
        other=1,
    )
    config.seed = 7  # one
    # and more
    # of it

    # of nothing
    config.data = Config()  # the images
    data = config.data
    data.name = "a # b"  # which
    data["npz"] = (
        "",
    )  # file
    config.data.more.deeply = 1  # deep
    config.plain = 0
    config.plain = 1  # the second
    arguments = {
        "c_max": call(0.5, "x"),  # nats
        # or none
        "c_own": 0.0,
    }
    return config
'''


def fields(config):
    """All fields of a config, sections before the dot."""
    for name, value in config.to_dict().items():
        if isinstance(value, dict):
            yield from (f"{name}.{field}" for field in value)
        else:
            yield name


@pytest.mark.parametrize("name", config_file.names())
def test_every_field_of_every_shipped_config_has_a_comment(name):
    config = importlib.import_module(f"configs.{name}").get_config()
    found = comments.of_config(ROOT / "configs" / f"{name}.py")
    assert [field for field in fields(config) if not found.of(field)] == []
    places = [found.place(field) for field in fields(config)]
    assert len(set(places)) == len(places)


def test_a_field_without_a_comment_is_found_out():
    found = comments.of_config(ROOT / "configs" / "digits_dynamic.py")
    assert found.of("data.nothing") == found.of("nothing") == ""
    assert found.of("optimizer.epsilon") == ""  # another section's


def test_comments_are_read_where_they_stand(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    found = comments.of_config(path)
    assert found.of("seed") == "one and more of it"
    assert found.of("data") == "the images"
    assert found.of("data.name") == "which"
    assert found.of("data.npz") == "file"
    assert found.of("data.more.deeply") == "deep"
    assert found.of("plain") == "the second"
    assert found.of("defense.mixing") == "of lessons"
    assert found.of("defense.other") == ""
    assert found.of("defense.c_max") == "nats or none"
    assert found.of("defense.c_own") == ""
    named = ["seed", "data.name", "data.npz", "defense.c_max"]
    assert sorted(named, key=found.place) == named


def test_a_files_own_comments_come_before_those_it_is_made_with(tmp_path, monkeypatch):
    """Read are the modules of `configs` and those beside the file, and none of a library."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "near.py").write_text(
        "import json\nconfig.seed = 1  # near\nconfig.two = 2  # two\n"
    )
    path = tmp_path / "mine.py"
    path.write_text(
        "import near\nfrom configs import common\n"
        "config = common.digits('standard')\nconfig.seed = 3  # mine\n"
    )
    monkeypatch.setitem(sys.modules, "near", type(sys)("near"))
    sys.modules["near"].__file__ = str(tmp_path / "near.py")
    found = comments.of_config(path)
    assert found.of("seed") == "mine"
    assert found.of("two") == "two"
    assert found.of("total_epochs").startswith("passes over")
    assert found.of("cls") == ""  # an argument in json
    assert found.place("total_epochs") < found.place("two")


def test_fields_of_one_name_have_the_comments_of_what_a_config_calls():
    """`beta` and `warm_up_epochs` are arguments of several defenses."""

    def of(name, field):
        return comments.of_config(ROOT / "configs" / f"{name}.py").of(f"defense.{field}")

    for name in ("digits_sat", "digits_iat", "digits_adaptive_atta", "digits_trades"):
        importlib.import_module(f"configs.{name}")
    assert of("digits_trades", "beta").startswith("weight of the divergence")
    assert of("digits_adaptive_atta", "beta").startswith("share of the label")
    assert of("digits_sat", "warm_up_epochs").startswith("of TRADES")
    assert of("digits_iat", "warm_up_epochs").startswith("in which everyone")
