"""What a report says of a subnetwork's size and operations, counted by hand."""

import pytest

from fosc_tf.show import subnetwork_table

LAYER = {
    **{"layer": "conv", "weights": 2000, "kept": 100, "weight_bits": 104, "mask_bits": 800},
    **{"forward": 400, "forward_binary": 300, "evaluation": 200, "evaluation_binary": 150},
    **{"backward": 600, "backward_binary": 200},
}
TOTAL = LAYER | {"layer": "total", "file_bytes": 500, "dense_bytes": 8000}


def test_sizes_and_shares_by_hand():
    size, operations = subnetwork_table.sections([LAYER, TOTAL], 1234)
    assert size.title == "Subnetwork"
    assert size.lines[0] == ("conv", "2,000", "100", "5.0", "104", "800")
    assert size.numeric == (False, *[True] * 5)
    assert size.opened
    (said,) = size.sentences
    for words in ("2,000 weights", "100 count, 5.0 %", "500 bytes", "8,000, 16.0 times", "1,234"):
        assert words in said
    assert operations.lines[0] == ("conv", "400", "200", "600", "300", "150", "200")
    assert len(operations.header) == 7
    said, thesis = operations.sentences
    # 500 of 1000, 100 of 400, 50 of 200
    assert "which saves 50.0 % of forward and backward together, 25.0 % of" in said
    assert "25.0 % of an evaluation" in said
    for share in ("45 %", "32 %", "41.9 %", "33.7 %", "42.5 %"):
        assert share in thesis


@pytest.mark.parametrize(("bits", "words"), [(104, "which saves"), (3200, "which would save")])
def test_weights_of_many_values_save_nothing_yet(bits, words):
    total = TOTAL | {"weight_bits": bits}
    size, operations = subnetwork_table.sections([LAYER, total], None)
    assert words in operations.sentences[0]
    assert "TFLite" not in size.sentences[0]


def test_a_long_table_waits_for_a_click():
    size, operations = subnetwork_table.sections([*[LAYER] * 36, TOTAL], None)
    assert (size.opened, operations.opened) == (False, False)
