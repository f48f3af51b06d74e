"""Exports schema.graphql and docs/permissions.md, which are derived from the code.

`python -m commands.export` writes them; with `--check` it prints differences instead.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

from graphql import (
    DirectiveNode,
    ObjectTypeDefinitionNode,
    StringValueNode,
    parse,
)

from domain.accounts.users import Role
from permissions.roles import GRANTS, GrantScope, Permission
from schema import DESCRIPTION, schema

ROOT: Final = Path(__file__).parents[1]
ROOTS: Final = ("Query", "Mutation", "Subscription")

_CALLERS: Final[tuple[Role | None, ...]] = (None, *reversed(Role))
_HEADER: Final = """\
# Who may do what

`make schema` writes this page from `permissions/roles.py` and the `@permission` of each field.

**yes**: for every row of the tenant. **own**: for the caller's own rows only; to them, others
don't exist. Empty: the field is `null`, with a `FORBIDDEN` error (`UNAUTHENTICATED` for a caller
who hasn't logged in) at its path, and the rest of the answer stands.

No role has `platform:read`: it takes a key of the platform's operator, which has nothing else.
"""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A field that requires a permission."""

    type_name: str
    field_name: str
    permission: Permission


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or with `--check` 1 if a file differs from the code."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.export",
        description="Write schema.graphql and docs/permissions.md from the code.",
    )
    parser.add_argument(
        "--check", action="store_true", help="only show the differences; write nothing"
    )
    given = parser.parse_args(arguments)
    texts = exports()
    if not given.check:
        for path, text in texts.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return 0

    differences = [line for path, text in texts.items() for line in _difference(path, text)]
    if differences:
        print("\n".join([*differences, "", "Out of date: run `make schema` and commit."]))
        return 1
    print(f"{', '.join(path.name for path in texts)}: up to date.")
    return 0


def exports() -> Mapping[Path, str]:
    """Returns the text of each file, by its path."""
    sdl = f"{_schema_definition()}\n{schema.as_str().rstrip()}\n"
    # Strawberry leaves the indentation between paragraphs of a description.
    sdl = "\n".join(line.rstrip() for line in sdl.split("\n"))
    return {
        ROOT / "schema.graphql": sdl,
        ROOT / "docs" / "permissions.md": _permissions_page(list(guarded_fields(sdl))),
    }


def _schema_definition() -> str:
    """Returns the schema definition, which Strawberry prints without its description."""
    roots = "".join(f"  {root.lower()}: {root}\n" for root in ROOTS)
    return f'"""\n{DESCRIPTION}\n"""\nschema {{\n{roots}}}\n'


def guarded_fields(sdl: str) -> Iterator[Guarded]:
    """Yields every field with a `@permission`, in the schema's order."""
    for definition in parse(sdl).definitions:
        if isinstance(definition, ObjectTypeDefinitionNode):
            for field in definition.fields or ():
                for directive in field.directives or ():
                    if directive.name.value == "permission":
                        yield Guarded(
                            definition.name.value, field.name.value, _permission(directive)
                        )


def _permission(directive: DirectiveNode) -> Permission:
    (argument,) = directive.arguments or ()
    assert isinstance(argument.value, StringValueNode)
    return Permission(argument.value.value)


def _permissions_page(guarded: list[Guarded]) -> str:
    parts = [_HEADER, "## Permissions\n", _table("Permission", _permission_rows())]
    for root in ROOTS:
        rows = {
            f"`{each.field_name}`": each.permission for each in guarded if each.type_name == root
        }
        parts += [f"## {root}\n", _table("Field", rows, with_permission=True)]
    fields = {
        f"`{each.type_name}.{each.field_name}`": each.permission
        for each in guarded
        if each.type_name not in ROOTS
    }
    parts += ["## Fields of objects\n", _table("Field", fields, with_permission=True)]
    return "\n".join(parts)


def _permission_rows() -> dict[str, Permission]:
    return {f"`{permission}`": permission for permission in Permission}


def _table(title: str, rows: Mapping[str, Permission], *, with_permission: bool = False) -> str:
    columns = [title, *(["Permission"] if with_permission else []), *map(_caller, _CALLERS)]
    lines = [columns, ["---"] * len(columns)]
    for name, permission in sorted(rows.items()):
        named = [f"`{permission}`"] if with_permission else []
        lines.append([name, *named, *(_reach(caller, permission) for caller in _CALLERS)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _caller(role: Role | None) -> str:
    return "nobody" if role is None else role.lower()


def _reach(caller: Role | None, permission: Permission) -> str:
    match GRANTS[caller].get(permission):
        case GrantScope.ANY:
            return "yes"
        case GrantScope.OWN:
            return "own"
        case None:
            return ""


def _difference(path: Path, text: str) -> list[str]:
    name = str(path.relative_to(ROOT))
    written = path.read_text() if path.exists() else ""
    lines = unified_diff(
        *(written.splitlines(), text.splitlines()),
        *(f"{name} (written)", f"{name} (by the code)"),
        lineterm="",
    )
    return list(lines)


if __name__ == "__main__":
    sys.exit(main())
