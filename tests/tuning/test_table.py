"""What a search shows in a log."""

from tests.tuning.samples import result, results_of
from tuning.results import Failure, Trial
from tuning.table import Table, word


def test_a_log_has_a_line_for_each_trial_and_the_table_at_the_end(capsys):
    failure = Failure(Trial("0003", {"dropout": 0.3}), 2.0, "it doesn't fit")
    results = results_of(result(1, 0.7), result(2, 0.9, 3, paused=True), failure)
    with Table(results, [], verbose=True) as table:
        for outcome in results.ended.values():
            table.show(outcome)
    first, second, third, *rest = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert first == "0001  0.7000, rank 2  (1 s)  dropout=0.1"
    assert second == "0002  0.9000, rank 1  (1 s)  dropout=0.2"
    assert third == "0003  failed: it doesn't fit  (2 s)  dropout=0.3"
    text = "\n".join(rest)
    assert text.index("0.900") < text.index("0.700"), "the best first"
    assert "3, paused" in text
    assert "3 trials and the default, 1 failed" in text
    assert text.endswith("0003 failed: it doesn't fit")


def test_it_says_nothing_where_it_is_not_to(capsys):
    with Table(results_of(result(1, 0.7)), [], verbose=False) as table:
        table.show(result(1, 0.7))
    assert not capsys.readouterr().out


def test_values_are_short():
    values = {None: "auto", 0.12345: "0.123", (8, 16): "8 16", True: "True", "adam": "adam"}
    assert {value: word(value) for value in values} == values
