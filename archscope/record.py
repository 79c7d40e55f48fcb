"""`Record`: frozen classes of named values that cost nothing to declare.

A frozen dataclass compiles half a dozen methods when it is declared; thirty of them cost more than reading
LeNet-5 and working out its table. A record shares its methods with all other records.

>>> class Place(Record, uncompared=("note",)):
...     x: int
...     y: int = 0
...     note: str = ""
>>> Place(1), Place(1, note="here") == Place(1)
(Place(x=1, y=0), True)
>>> Place(1).replace(y=2)
Place(x=1, y=2)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from operator import itemgetter
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self, TypeVar, dataclass_transform, overload

_Value = TypeVar("_Value", covariant=True)


class lazily(cached_property[_Value]):  # noqa: N801 - it is a decorator, as `property` is
    """A property that is worked out once, without the lock of `functools.cached_property`.

    The lock of Python 3.11 takes longer than many a number of a row. Two threads may both work one out; it is
    the same.
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> _Value: ...
    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self.attrname] = self.func(instance)
        return value


EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
"""An immutable mapping of nothing, for a default."""


def _values_of(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
    """What takes values by these names out of a mapping, as a tuple."""
    return itemgetter(*names) if len(names) > 1 else lambda state: tuple([state[name] for name in names])


@dataclass_transform(frozen_default=True, eq_default=True)
class Record:
    """Declare fields as annotations, with immutable defaults, as in a dataclass.

    ``uncompared`` names fields that neither equality nor ``repr`` look at. A class that has to check or
    complete its values defines ``__post_init__``.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _compared: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _values_of: ClassVar[Callable[[Mapping[str, Any]], Any]]
    _completes: ClassVar[bool] = False

    def __init_subclass__(cls, uncompared: tuple[str, ...] = ()) -> None:
        own = tuple(name for name, kind in cls.__annotations__.items() if not str(kind).startswith("ClassVar"))
        cls._fields = (*cls._fields, *own)
        cls._compared = tuple(name for name in cls._fields if name not in uncompared)
        cls._defaults = {**cls._defaults, **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}
        cls._values_of = _values_of(cls._compared)
        cls._completes = cls.__post_init__ is not Record.__post_init__

    def __init__(self, *values: Any, **named: Any) -> None:
        state = self.__dict__
        state.update(self._defaults)
        if values:
            state.update(zip(self._fields, values, strict=False))
        if named:
            state.update(named)
        if len(state) != len(self._fields) or len(values) > len(self._fields):
            self._complain(values, named)
        if self._completes:
            self.__post_init__()

    def __post_init__(self) -> None:
        """Check or complete the values."""

    def _complain(self, values: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        name = type(self).__name__
        if len(values) > len(self._fields):
            raise TypeError(f"{name} takes {len(self._fields)} values, got {len(values)}")
        for each in named:
            if each not in self._fields:
                raise TypeError(f"{name} has no field `{each}`")
        missing = [each for each in self._fields if each not in self.__dict__]
        raise TypeError(f"{name} needs {', '.join(missing)}")

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return type(self)(**{**{name: getattr(self, name) for name in self._fields}, **changes})

    def __eq__(self, other: object) -> bool:
        kind = type(self)
        return kind is type(other) and bool(kind._values_of(self.__dict__) == kind._values_of(other.__dict__))

    def __hash__(self) -> int:
        kind = type(self)
        return hash((kind, kind._values_of(self.__dict__)))

    def __repr__(self) -> str:
        stated = (f"{name}={self.__dict__[name]!r}" for name in self._compared)
        return f"{type(self).__name__}({', '.join(stated)})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; use replace()")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; use replace()")
