"""Hints that Python keeps as text, aliases of pydantic, NewType, and what a model is dumped as."""
from __future__ import annotations

import dataclasses
import datetime
import decimal
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
