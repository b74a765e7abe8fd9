"""The page of --help: every field with its value, in 80 columns."""

import importlib

import pytest

from fosc_tf import config_file
from fosc_tf.manual import manual, shown, version
from tests.program import ROOT


@pytest.mark.parametrize("name", config_file.names())
def test_every_field_of_every_config_is_on_its_page(name):
    config = importlib.import_module(f"configs.{name}").get_config().to_dict()
    lines = manual(config, str(ROOT / "configs" / f"{name}.py")).splitlines()
    assert max(map(len, lines)) <= 80
    section, found = None, []
    for line in lines[lines.index("--config.") :]:
        if line.startswith("--config."):
            section = line.split()[0].removeprefix("--config.").rstrip(".")
        elif line.startswith("  ") and line[2] != " ":
            field, value = line.split()[:2]
            found.append((section, field))
            expected = (config[section] if section else config)[field]
            assert shown(expected).startswith(value)
    expected = {("", name) for name, value in config.items() if not isinstance(value, dict)}
    sections = {name: value for name, value in config.items() if isinstance(value, dict)}
    expected |= {(name, field) for name, value in sections.items() for field in value}
    assert len(found) == len(expected)
    assert set(found) == expected


def test_fields_stand_in_the_order_of_the_source():
    config = importlib.import_module("configs.digits_dynamic").get_config().to_dict()
    page = manual(config, str(ROOT / "configs" / "digits_dynamic.py") + ":an argument")
    assert "Fields of digits_dynamic:an argument," in page
    places = [page.index(f"\n  {name} ") for name in ("seed", "total_epochs", "npz", "c_max")]
    assert places == sorted(places)
    assert "  c_max                0.5         nats, the first threshold, or" in page


def test_without_a_config_the_page_names_them():
    page = manual()
    assert max(map(len, page.splitlines())) <= 80
    assert "digits_dynamic" in page
    assert "Fields of" not in page


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "''"),
        ("sgd", "sgd"),
        (8 / 255, "0.0313725"),
        (1e-4, "0.0001"),
        (0.05, "0.05"),
        ((20,), "(20,)"),
        (("last", "best"), "('last','best')"),
        (((1, 2, 3),) * 20, "(20 of them)"),
        ((), "()"),
        (True, "True"),
        (None, "None"),
    ],
)
def test_values_are_shown_as_they_can_be_given(value, expected):
    assert shown(value) == expected


def test_the_version_names_what_decides_numbers():
    words = version().replace(",", "").split()
    assert words[::2] == ["fosc_tf", "TensorFlow", "Keras"]
    assert all(word[0].isdigit() for word in words[1::2])
