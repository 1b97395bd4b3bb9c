"""Make the results of a volume, whichever stage asks for them."""

from __future__ import annotations

from auxcpvloss.experiment.results import Result
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume import instances, prediction, scores

MAKERS = {prediction.NAME: prediction, instances.NAME: instances, scores.NAME: scores}


def ensure(result: Result, run: Run) -> None:
    """Make a prediction, instances or scores, unless they are whole."""
    module = MAKERS[result.stage]
    if not run.is_current(result, module.LIBRARIES):
        run.make_way(result)
        if result.stage == prediction.NAME:
            prediction.predict(result, run)
        elif result.stage == instances.NAME:
            instances.label(result, run)
        else:
            scores.score(result, run)
        run.forget(result)
