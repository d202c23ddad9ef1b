from tests.golden.differences import ABSENT, Difference, Rule, differences


def test_every_place_is_found() -> None:
    java = {"a": 1, "b": [{"c": 1}, {"c": 2}], "d": [1], "e": True}
    ours = {"a": 1, "b": [{"c": 1}, {"c": 3, "x": None}], "d": [], "e": 1}
    assert list(differences(java, ours)) == [
        Difference("b[].c", 2, 3),
        Difference("b[].x", ABSENT, None),
        Difference("d", [1], []),
        Difference("e", True, 1),
    ]


def test_a_rule_allows_its_place_in_its_requests_when_it_holds() -> None:
    rule = Rule("name", r"/keys\?", r"b\[\]\.c", lambda java, ours: ours == java + 1)
    assert rule.allows("/keys?limit=1", Difference("b[].c", 1, 2))
    assert not rule.allows("/keys?limit=1", Difference("b[].c", 1, 3))
    assert not rule.allows("/keys?limit=1", Difference("b", 1, 2))
    assert not rule.allows("/other", Difference("b[].c", 1, 2))
