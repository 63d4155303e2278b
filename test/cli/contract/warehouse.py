"""Thirty tasks, with the types that apps have."""
import dataclasses
import datetime
import decimal
import enum
import typing
import uuid

import pydantic
from celery import Celery, shared_task
from typing_extensions import NotRequired, TypedDict

app = Celery('warehouse', broker='amqp://nowhere.invalid')


@dataclasses.dataclass
class Item:
    sku: str
    count: int = 1
    tags: typing.List[str] = dataclasses.field(default_factory=list)


class Address(TypedDict):
    street: str
    zip: NotRequired[str]


Odd = TypedDict('Odd', {'content-type': str, 'class': int})


class Money(pydantic.BaseModel):
    amount: decimal.Decimal
    currency: typing.Literal['EUR', 'USD'] = 'EUR'


class Invoice(pydantic.BaseModel):
    total: Money
    lines: list[Item] = []
    to: typing.Optional[Address] = None


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Size(enum.IntEnum):
    S = 1
    L = 3


class Pair(typing.NamedTuple):
    left: int
    right: str


class Node(TypedDict):
    value: int
    children: 'list[Node]'


Money.model_rebuild()


def task(run):
    return app.task(name=f'warehouse.{run.__name__}')(run)


@task
def add(x: int, y: int) -> int: return x + y
@task
def half(x: float, by: float = 2) -> float: return x / by
@task
def text(value: str) -> bool: return bool(value)
@task
def none() -> None: return None
@task
def optional(value: typing.Optional[int] = None) -> 'int | None': return value
@task
def piped(value: int | str) -> int | str: return value
@task
def many(*values: float) -> list[float]: return list(values)
@task
def more(first: int, *rest: str, last: bool = False, **other: int) -> None: ...
@task
def only(*, name: str, size: Size = Size.S) -> str: return name
@task
def positional(a: int, b: str, /) -> None: ...
@task
def items(of: list[Item]) -> dict[str, int]: return {}
@task
def item(of: Item) -> Item: return of
@task
def address(to: Address) -> Address: return to
@task
def odd(of: Odd) -> None: ...
@task
def invoice(of: Invoice) -> Money: return of.total
@task
def colour(of: Colour) -> Colour: return of
@task
def literal(kind: typing.Literal['a', 'b', 3]) -> None: ...
@task
def pair(of: tuple[int, str]) -> tuple[float, ...]: return ()
@task
def named(of: Pair) -> None: ...
@task
def when(at: datetime.datetime, on: datetime.date, id: uuid.UUID) -> datetime.datetime: return at
@task
def raw(of: bytes) -> bytes: return of
@task
def nested(of: dict[str, list[typing.Optional[Item]]]) -> None: ...
@task
def sequence(of: typing.Sequence[int], by: typing.Mapping[str, float]) -> set[int]: return set()
@task
def anything(of: typing.Any, other: object) -> typing.Any: return of
@task
def tree(root: Node) -> None: ...
@task
def annotated(of: typing.Annotated[int, 'positive']) -> typing.Annotated[str, 'name']: return ''
@task
def quoted(of: 'Item', by: 'typing.Optional[Item]' = None) -> 'Item': return of
@task
def untyped(a, b=None, *c, **d): ...


@app.task(name='warehouse.bound', bind=True)
def bound(self, slug: str, count: int = 1) -> str: return slug


@shared_task(name='warehouse.shared')
def shared(price: decimal.Decimal) -> decimal.Decimal: return price
