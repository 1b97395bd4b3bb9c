import numpy as np
import pytest

from auxcpvloss.stages.volume.prediction import _in_memory
from auxcpvloss.system.errors import StageError


def test_lack_of_memory_while_predicting_names_the_key_to_lower(prepared):
    (sample,) = prepared.samples("test")
    said = r"Memory ran out while predicting worm_03\. Lower model\.test_input_shape, now 60 x 60 x 60"
    with pytest.raises(StageError, match=said), _in_memory(prepared, sample):
        np.zeros(2**55)
    with pytest.raises(KeyError), _in_memory(prepared, sample):
        {}["our own fault"]
