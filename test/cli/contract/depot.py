"""Hints that Python keeps as text, aliases of pydantic, NewType, and what a model is dumped as."""
from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import typing

import celery
import pydantic

app = celery.Celery('depot')
UserId = typing.NewType('UserId', int)


class Options(typing.TypedDict, total=False):
    title: typing.Required[str]
    width: int


class Label(typing.TypedDict):
    text: str
    colour: typing.NotRequired[str]


class Parcel(pydantic.BaseModel):
    sent_by: UserId = pydantic.Field(alias='sentBy')
    weight: decimal.Decimal
    at: datetime.datetime | None = None


@app.task(name='depot.label')
def label(of: Options, on: Label) -> Options: return of


@app.task(name='depot.send', pydantic=True)
def send(parcel: Parcel) -> Parcel: return parcel


@app.task(name='depot.user')
def user(id: UserId, **limits: int) -> UserId: return id


@app.task(name='depot.partly')
def partly(x: NoSuchType, y: int, **most: int) -> NotThereEither: ...  # noqa: F821


@app.task(name='depot.limits')
def limits(*names: str, **most: int) -> None: ...


Content = typing.TypeVar('Content')
Count = typing.TypeVar('Count', bound=int)


@dataclasses.dataclass
class Box(typing.Generic[Content]):
    content: Content
    width: float = 1.0


@app.task(name='depot.words')
def words(default: int, new: str = '', *function: int, case: bool = False) -> None: ...


@app.task(name='depot.box')
def box(of: Box[str], count: Count) -> Count: return count


class Side(enum.Flag):
    TOP = 1
    FRAGILE = 2


class Route(enum.Enum):
    DIRECT = (1, 2)
    NONE = None


class Stack(pydantic.BaseModel, typing.Generic[Content]):
    of: list[Content]

    @pydantic.computed_field
    @property
    def height(self) -> int: return len(self.of)


@dataclasses.dataclass
class Weighed:
    sku: str
    weight: float = dataclasses.field(init=False, default=0)


class Limits(typing.TypedDict, total=False):
    depth: typing.Required[int]
    note: str


@app.task(name='depot.constants')
def constants(side: Side, route: Route, mark: typing.Literal[b'x', Route.NONE, True]) -> None: ...


@app.task(name='depot.stack', pydantic=True)
def stack(of: Stack[str]) -> Stack[int]: return of


@app.task(name='depot.weigh')
def weigh(of: Weighed, note: str = None) -> Weighed: return of


@app.task(name='depot.limited')
def limited(x: int, **limits: typing.Unpack[Limits]) -> None: ...


@app.task(name='depot.queued')
def queued(of: collections.deque[int], by: collections.OrderedDict[str, int]) -> None: ...


@app.task(name='depot.strange')
def strange(x: 'the number of boxes', y: {}, z: int) -> None: ...  # noqa: F722


print('an app may print without ending its line', end='')
