from sys import getsizeof

import pytest

from ozone_recon.api.middleware.cache import MAX_KEY, MIN_ENTRIES, CachedResponse, Key, ResponseCache

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
    kept = ResponseCache(MIN_ENTRIES * WEIGHT)
    for number in range(MIN_ENTRIES):
        kept.put(name(number), answer())
    assert kept.get(name(0))
    kept.put(name(MIN_ENTRIES), answer())
    assert kept.get(name(1)) is None
    assert all(kept.get(name(number)) for number in (0, 2, MIN_ENTRIES))


def test_a_long_answer_is_not_kept_and_pushes_none_out() -> None:
    kept = ResponseCache(MIN_ENTRIES * WEIGHT)
    kept.put(name(0), answer())
    kept.put(name(1), answer(WEIGHT + 1))
    assert kept.get(name(1)) is None
    assert kept.get(name(0))
    assert kept.weight == WEIGHT


@pytest.mark.parametrize("long", ["x" * MAX_KEY, "\U0001f600" * (MAX_KEY // 4)])
def test_the_answer_to_a_long_question_is_not_kept(long: str) -> None:
    kept = ResponseCache(1 << 30)
    kept.put(("generation", long), answer())
    assert kept.get(("generation", long)) is None
    assert kept.weight == 0


def test_questions_weigh_too() -> None:
    kept = ResponseCache(MIN_ENTRIES * 2 * MAX_KEY)
    for number in range(2000):
        kept.put(("generation", f"{number:04}" + "x" * (MAX_KEY // 2)), answer(1100))
    questions = sum(getsizeof(part) for key in kept._responses for part in key)
    assert 0 < questions < kept.weight <= kept.capacity
    assert kept.weight == sum(answer.weight(key) for key, answer in kept._responses.items())
