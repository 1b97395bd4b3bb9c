"""Train ten steps from given weights: ``AUXCPVLOSS_TEST_BACKEND=... python -m tests.network.on_backend WEIGHTS OUT``.

Two layers are frozen for the first three steps. Writes the losses, the weights and a prediction, and prints which of
the backends were imported.
"""

import sys
from pathlib import Path

import numpy as np

from auxcpvloss.system.backends import BACKENDS
from tests.network.small import batch, small, state, train, trainer

FROZEN = ("down_0_conv_0", "up_0_conv_0")
STEPS = 10


def results(weights: Path) -> dict[str, np.ndarray]:
    change = {"lr": 1e-3, "lr_schedule": "cosine", "clip_norm": 1.0, "average": 0.6}
    config = small(init={"freeze_iterations": 3}, optimizer=change)
    training = trainer(config)
    training.load(weights)
    training.freeze(0, FROZEN)
    before = training.network.get_layer(FROZEN[0]).get_weights()[0]
    losses = []
    for step in range(1, STEPS + 1):
        losses.append(train(training, step, batch(step))["loss"])
        if step == 3:
            np.testing.assert_array_equal(training.network.get_layer(FROZEN[0]).get_weights()[0], before)
    arrays = {f"state_{number:03}": array for number, array in enumerate(state(training))}
    others = training.losses(batch(98))
    return {"losses": np.array([*losses, *map(others.get, sorted(others))]), **arrays, **training.predict(batch(99))}


def main() -> None:
    weights, out = sys.argv[1:]
    np.savez(out, **results(Path(weights)))
    print([name for name in BACKENDS if name in sys.modules])


if __name__ == "__main__":
    main()
