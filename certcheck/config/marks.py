"""How a value of certcheck.toml is read: marks on a type that only pydantic looks at.

pydantic takes longer to load than most commands take altogether, and most run without the file.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class Read:
    """The value is what `by` makes of it, or its ValueError; then the type is checked."""

    by: Callable[[Any], Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.by, handler(source))


@dataclass(frozen=True, slots=True)
class ReadBeside:
    """The same for `by` of the value and the directory of the file, or None without one."""

    by: "Callable[[Any, Path | None], Any]"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.with_info_before_validator_function(
            lambda value, info: self.by(value, info.context["base"] if info.context else None),
            handler(source),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Bounds of the value."""

    pattern: str | None = None
    ge: int | None = None
    le: int | None = None
    min_length: int | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        # pydantic's own schemas know the bounds by these names.
        bounds = {name: bound for name, bound in asdict(self).items() if bound is not None}
        return {**handler(source), **bounds}
