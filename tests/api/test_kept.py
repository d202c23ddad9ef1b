from ozone_recon.api.kept import PARTS, Answer, KeptAnswers

WEIGHT = 2048


def answer(weight: int = WEIGHT) -> Answer:
    found = Answer(200, (), bytes(weight - 1024), "/echo")
    assert found.weight == weight
    return found


def test_those_asked_for_longest_ago_are_forgotten() -> None:
    kept = KeptAnswers(PARTS * WEIGHT)
    for number in range(PARTS):
        kept.keep((str(number),), answer())
    assert kept.get(("0",))
    kept.keep(("one more",), answer())
    assert kept.get(("1",)) is None
    assert all(kept.get((name,)) for name in ("0", "2", "one more"))


def test_a_long_answer_is_not_kept_and_pushes_none_out() -> None:
    kept = KeptAnswers(PARTS * WEIGHT)
    kept.keep(("short",), answer())
    kept.keep(("long",), answer(WEIGHT + 1))
    assert kept.get(("long",)) is None
    assert kept.get(("short",))
    assert kept.weight == WEIGHT
