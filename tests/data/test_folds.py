from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.data.folds import deal

NAMES = st.sets(st.text("abc_0123456789", min_size=1), min_size=1, max_size=30)


@given(NAMES, st.integers(1, 7), st.integers(0, 5))
def test_every_volume_is_dealt_once_and_folds_are_of_one_size(names, number, seed):
    folds = deal(names, number, seed)
    assert sorted(name for fold in folds for name in fold) == sorted(names)
    sizes = [len(fold) for fold in folds]
    assert len(sizes) == number
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.text("abc", min_size=1), unique=True, max_size=20), st.randoms())
def test_the_order_of_the_volumes_does_not_matter(names, random):
    shuffled = random.sample(names, len(names))
    assert deal(names, 3, 0) == deal(shuffled, 3, 0)


def test_the_seed_deals_and_the_same_one_always_the_same():
    names = [f"worm_{number:02d}" for number in range(9)]
    assert len({str(deal(names, 3, seed)) for seed in range(5)}) == 5
    # Fixed for good: another deal would mix what was trained on into the validation of experiments that go on.
    assert deal(names[:6], 3, 0) == [["worm_00", "worm_05"], ["worm_01", "worm_04"], ["worm_02", "worm_03"]]
