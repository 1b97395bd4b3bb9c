"""Which keys of the configuration the package reads: by its types, not by names that happen to be equal.

Types are followed through annotations, assignments, attributes and returned values, as far as this package needs it. A
key counts as read where an expression of the type of its table is asked for it: ``model_dump``, validators and what
happens inside of auxcpvloss/config do not count, but a property of a table counts for the keys that it reads as soon as
somebody reads the property.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from auxcpvloss.config import Config

Read = tuple[str, str]  # class, attribute


def keys(table: type[BaseModel] = Config, at: str = "") -> Iterator[tuple[str, Read]]:
    """Every key, ``training.augmentation.simple.mirror``, with its table and its name there."""
    for name, field in table.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{at}{name}.")
        else:
            yield f"{at}{name}", (table.__name__, name)


def unread(package: Path) -> list[str]:
    """Keys that nothing in the package outside of its folder config/ reads."""
    modules = {path: ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))}
    types = _Types(list(modules.values()))
    reads: set[Read] = set()
    for path, module in modules.items():
        if path.relative_to(package).parts[0] != "config":
            reads |= types.reads(module)
    inside = {read: found for module in modules.values() for read, found in types.reads_of_methods(module).items()}
    while more := {key for read in reads for key in inside.get(read, ())} - reads:
        reads |= more
    return [key for key, read in keys() if read not in reads]


class _Types:
    def __init__(self, modules: Sequence[ast.Module]) -> None:
        self.attributes: dict[Read, str] = {}
        self.returns: dict[str, str] = {}
        for module in modules:
            for node in ast.walk(module):
                if isinstance(node, ast.FunctionDef) and node.returns:
                    self.returns[node.name] = _named(node.returns)
                elif isinstance(node, ast.ClassDef):
                    self._learn_class(node)

    def _learn_class(self, node: ast.ClassDef) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                self.attributes[node.name, part.target.id] = _named(part.annotation)
            elif isinstance(part, ast.FunctionDef) and part.returns and part.decorator_list:
                self.attributes[node.name, part.name] = _named(part.returns)
            elif isinstance(part, ast.FunctionDef) and part.name == "__init__":
                for name, kind in self._variables(part, node.name).items():
                    self.attributes.setdefault((node.name, name.removeprefix("self.")), kind)

    def reads(self, module: ast.Module) -> set[Read]:
        found: set[Read] = set()
        for owner, function in _functions(module):
            found |= self._reads_in(function, owner)
        return found

    def reads_of_methods(self, module: ast.Module) -> dict[Read, set[Read]]:
        return {
            (owner, function.name): self._reads_in(function, owner) for owner, function in _functions(module) if owner
        }

    def _reads_in(self, function: ast.FunctionDef, owner: str) -> set[Read]:
        variables, found = self._variables(function, owner), set()
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute):
                found.add((self._type(node.value, variables), node.attr))
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
                found |= self._reads_by_pattern(node, variables)
        return found

    def _reads_by_pattern(self, node: ast.Call, variables: dict[str, str]) -> set[Read]:
        """``getattr(data, f"{split}_data")`` reads every key of the table that ends so; a bare variable says nothing."""
        table, name = self._type(node.args[0], variables), node.args[1]
        if not isinstance(name, ast.JoinedStr):
            return set()
        parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in name.values]
        return {read for _, read in keys() if read[0] == table and re.fullmatch("".join(parts), read[1])}

    def _variables(self, function: ast.FunctionDef, owner: str) -> dict[str, str]:
        known = {"self": owner}
        for _ in range(3):  # An assignment may build upon a later one, in a loop.
            for node in ast.walk(function):
                if isinstance(node, ast.arg) and node.annotation:
                    known[node.arg] = _named(node.annotation)
                elif isinstance(node, ast.Assign):
                    self._assign(node.targets[0], node.value, known)
                elif isinstance(node, ast.NamedExpr):
                    self._assign(node.target, node.value, known)
        return known

    def _assign(self, target: ast.expr, value: ast.expr, known: dict[str, str]) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                self._assign(one, other, known)
        elif isinstance(target, ast.Name | ast.Attribute) and (kind := self._type(value, known)):
            known[ast.unparse(target)] = kind

    def _type(self, node: ast.expr, known: dict[str, str]) -> str:
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in known:
            return known[ast.unparse(node)]
        if isinstance(node, ast.Attribute):
            return self.attributes.get((self._type(node.value, known), node.attr), "")
        if isinstance(node, ast.Call):
            return self.returns.get(ast.unparse(node.func).rpartition(".")[2], "")
        return ""


def _functions(module: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from ((node.name, part) for part in node.body if isinstance(part, ast.FunctionDef))


def _named(annotation: ast.expr) -> str:
    """Name of a class; of ``Config | None`` and ``"Config"`` too."""
    if isinstance(annotation, ast.BinOp):
        return _named(annotation.left)
    if isinstance(annotation, ast.Constant):
        return str(annotation.value)
    return ast.unparse(annotation).rpartition(".")[2]
