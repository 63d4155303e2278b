"""Tasks with every kind of signature that a contract tells of."""
import dataclasses
import datetime
import enum
import typing

from celery import Celery

app = Celery('shop', broker='amqp://nowhere.invalid')


@dataclasses.dataclass
class Item:
    sku: str
    count: int = 1


class Address(typing.TypedDict, total=False):
    street: str
    zip: typing.Required[str] if hasattr(typing, 'Required') else str


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


@app.task(name='shop.add')
def add(x: int, y: int = 2) -> int:
    return x + y


@app.task(name='shop.order', bind=True)
def order(self, item: Item, to: Address, *, gift: bool, colour: Colour = Colour.RED) -> typing.Optional[str]:
    return None


@app.task(name='shop.total')
def total(*prices: float, **more) -> typing.Dict[str, typing.List[float]]:
    return {}


@app.task(name='shop.when')
def when(at: datetime.datetime, kind: typing.Literal['a', 'b'], pair: typing.Tuple[int, str]) -> typing.Union[int, None]:
    return None


@app.task(name='shop.untyped')
def untyped(a, b=None):
    return a
