"""What --list prints: every name, with arguments and a sentence, in 80 columns."""

import pytest

from fosc_tf import command, config_file, data, defenses, models
from fosc_tf.attacks import gates, losses, presets, starts
from fosc_tf.listing import arguments, listing, sentence
from fosc_tf.schedules import learning_rate
from fosc_tf.training import optimizer


@pytest.fixture(scope="module")
def sections():
    """The lines of each section by the first word of its title."""
    return {part.split(":")[0]: part.splitlines() for part in listing().split("\n\n")}


def named(lines):
    return [line.split()[0] for line in lines[1:] if line[:2] == "  " and line[2] != " "]


def test_every_name_is_there_once_and_says_something(sections):
    for title, known in {
        "modes": command.names(),
        "defenses": defenses.names(),
        "models": models.names(),
        "data sets": data.names(),
        "attacks": presets.names(),
        "optimizers": optimizer.names(),
        "learning rates": learning_rate.names(),
        "losses of attacks": losses.names(),
        "starts of attacks": starts.names(),
        "gates of attacks": gates.names(),
    }.items():
        lines = [line for line in sections[title] if not line.startswith("  mean, std")]
        lines = [line for line in lines if not line.startswith("  images; pgd")]
        assert sorted(set(named(lines)) & set(known)) == sorted(known), title
    configs = [name.removesuffix("[:ARG]") for name in named(sections["configs"])]
    assert configs == config_file.names()
    for title, lines in sections.items():
        for line, following in zip(lines[1:], [*lines[2:], ""], strict=True):
            alone = len(line.split()) == 1 and line[2:3] != " "
            assert not alone or following.startswith("      "), (title, line)


def test_it_fits_and_holds_the_arguments(sections):
    lines = [line for part in sections.values() for line in part]
    assert max(map(len, lines)) <= 80
    dynamic = "\n".join(sections["defenses"])
    assert "Dynamic adversarial training\n" in dynamic
    assert "c_max=0.5, c_min=0.0, control_epochs=40," in dynamic
    assert "(depth=34, width=10)" in "\n".join(sections["models"])


def test_what_a_user_registers_is_listed_too(monkeypatch):
    from fosc_tf.defenses import registry

    def mine(*, epsilon: float, colour: str = "red"):
        """Returns a thing of ours. It has another sentence.

        And more.
        """

    monkeypatch.setitem(registry._DEFENSES._factories, "mine", mine)
    lines = listing().splitlines()
    place = lines.index("  mine                 A thing of ours")
    assert lines[place + 1].strip() == "(epsilon, colour='red')"


def test_sentences_and_arguments():
    assert sentence(None) == ""
    assert sentence("Wang et al. 2019, section 5.1.\n\nMore.") == "Wang et al. 2019, section 5.1"
    assert sentence("version=plus: The ensemble. It ends.") == "version=plus: The ensemble"

    def made(first, *, second: int = 3, **rest):
        return first, second, rest

    assert arguments(made) == ["first", "second=3"]
    assert arguments(made, without=("first",)) == ["second=3"]
