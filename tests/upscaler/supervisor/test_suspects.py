"""Who ends processes: only a job that was alone at two deaths."""

import random

from upscaler.supervisor.suspects import Suspects


def test_one_alone_twice_is_the_cause():
    suspects = Suspects()
    assert suspects.died(["a"]) is None
    assert suspects.died(["a"]) == "a"
    assert list(suspects) == []


def test_several_at_once_are_tried_one_at_a_time_the_one_that_died_alone_last():
    suspects = Suspects()
    assert suspects.died(["a", "b", "c"]) is None
    assert list(suspects) == ["a", "b", "c"]
    assert suspects.died(["a"]) is None
    assert list(suspects) == ["b", "c", "a"]
    suspects.ended("b")
    suspects.ended("c")
    assert suspects.died(["a"]) == "a"


def test_a_death_with_nothing_in_flight_blames_nobody():
    suspects = Suspects()
    assert suspects.died([]) is None
    assert list(suspects) == []


def test_whoever_the_culprits_are_they_alone_are_found():
    chance = random.Random(3)
    for _ in range(200):
        jobs = [str(number) for number in range(20)]
        culprits = set(chance.sample(jobs, chance.randrange(6)))
        suspects, found, deaths = Suspects(), set(), 0
        left = list(jobs)
        while left:
            last = [name for name in suspects if name in left]
            rest = [name for name in left if name not in last]
            flight = rest[: chance.randint(1, 5)] if rest else last[:1]
            if culprits & set(flight):
                deaths += 1
                culprit = suspects.died(flight)
                found |= {culprit} - {None}
                left = [name for name in left if name != culprit]
            else:
                for name in flight:
                    suspects.ended(name)
                left = [name for name in left if name not in flight]
        assert found == culprits
        assert deaths <= 3 * len(culprits)
