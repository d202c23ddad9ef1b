from sys import getsizeof

import pytest

from ozone_recon.api.middleware.cache import LONGEST_KEY, PARTS, CachedResponse, Key, ResponseCache

WEIGHT = 2048
KEY = getsizeof("name")


def answer(weight: int = WEIGHT) -> CachedResponse:
    """One that weighs so much with a key of four letters."""
    found = CachedResponse(200, (), bytes(weight - 1024 - KEY), "/echo")
    assert found.weight(("name",)) == weight
    return found


def name(number: int) -> Key:
    return (f"{number:04}",)


def test_those_asked_for_longest_ago_are_forgotten() -> None:
    kept = ResponseCache(PARTS * WEIGHT)
    for number in range(PARTS):
        kept.keep(name(number), answer())
    assert kept.get(name(0))
    kept.keep(name(PARTS), answer())
    assert kept.get(name(1)) is None
    assert all(kept.get(name(number)) for number in (0, 2, PARTS))


def test_a_long_answer_is_not_kept_and_pushes_none_out() -> None:
    kept = ResponseCache(PARTS * WEIGHT)
    kept.keep(name(0), answer())
    kept.keep(name(1), answer(WEIGHT + 1))
    assert kept.get(name(1)) is None
    assert kept.get(name(0))
    assert kept.weight == WEIGHT


@pytest.mark.parametrize("long", ["x" * LONGEST_KEY, "\U0001f600" * (LONGEST_KEY // 4)])
def test_the_answer_to_a_long_question_is_not_kept(long: str) -> None:
    kept = ResponseCache(1 << 30)
    kept.keep(("generation", long), answer())
    assert kept.get(("generation", long)) is None
    assert kept.weight == 0


def test_questions_weigh_too() -> None:
    kept = ResponseCache(PARTS * 2 * LONGEST_KEY)
    for number in range(2000):
        kept.keep(("generation", f"{number:04}" + "x" * (LONGEST_KEY // 2)), answer(1100))
    questions = sum(getsizeof(part) for key in kept._answers for part in key)
    assert 0 < questions < kept.weight <= kept.capacity
    assert kept.weight == sum(answer.weight(key) for key, answer in kept._answers.items())
