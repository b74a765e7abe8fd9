"""Columns in 80 letters."""

from fosc_tf.sheet import entry, paragraph


def test_text_goes_on_in_its_column():
    lines = entry(("a", "1"), " ".join(["word"] * 20), (4, 4))
    assert lines[0] == "  a   1   " + " ".join(["word"] * 14)
    assert lines[1] == " " * 10 + " ".join(["word"] * 6)
    assert max(map(len, lines)) <= 80


def test_a_head_too_long_for_its_column_has_a_line_of_its_own():
    assert entry(("a", "12345"), "text", (4, 4)) == ["  a   12345", " " * 10 + "text"]
    assert entry(("a", "1"), "", (4, 4)) == ["  a   1"]
    assert max(map(len, entry(("x" * 100,), "text", (4,)))) <= 80


def test_what_a_terminal_would_obey_is_shown():
    assert entry(("a",), "\x1b[2J", (4,)) == ["  a   \\x1b[2J"]


def test_a_paragraph_keeps_addresses_whole():
    address = "http://fashion-mnist.example/" + "a-b/" * 8
    assert address in paragraph(f"{'word ' * 12}{address}")[1]
