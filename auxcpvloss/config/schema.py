"""The tables, completed with the keys that the chosen method brings."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, create_model

from auxcpvloss.config.tables import Config, Model, NotNegativeFloat, Postprocessing, Validation
from auxcpvloss.methods.method import Method


@cache
def schema(method: Method) -> type[Config]:
    """Class of a configuration of this method.

    Adds ``model.loss_<head>_coeff`` for its heads, its parameters to [postprocessing] and a list of values for
    each of them to [validation].
    """
    coefficients = {f"loss_{head.name}_coeff": (NotNegativeFloat, head.coefficient) for head in method.heads}
    fields = method.params.model_fields
    params = {name: (_annotation(field), field) for name, field in fields.items()}
    grids: dict[str, Any] = {name: (list[_annotation(field)], []) for name, field in fields.items()}  # type: ignore[misc]
    return create_model(
        "MethodConfig",
        __base__=Config,
        model=(_extend(Model, coefficients), ...),
        postprocessing=(_extend(Postprocessing, params), ...),
        validation=(_extend(Validation, grids), ...),
    )


def _annotation(field: Any) -> Any:
    """Type of a parameter with its range, which pydantic keeps beside it."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _extend(base: type[BaseModel], fields: dict[str, Any]) -> type[BaseModel]:
    return create_model(base.__name__, __base__=base, **fields)
