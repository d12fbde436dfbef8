from pysid.metrics.speaker_count import SpeakerCountRow, by_true_number


def test_rows_are_of_one_true_number_each():
    rows = by_true_number([(3, 1), (1, 1), (3, 3), (3, 3), (1, 2)])
    assert rows == [SpeakerCountRow(1, 2, 1.5, 0.5), SpeakerCountRow(3, 3, 7 / 3, 2 / 3)]
    assert sum(row.n_recordings * row.right for row in rows) == 3


def test_nothing_has_no_rows():
    assert by_true_number([]) == []
