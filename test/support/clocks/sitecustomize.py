"""A clock that is wrong by as many seconds as the file CLOCK_OFFSET has: put this folder into PYTHONPATH."""
import datetime
import os
import time

FILE = os.environ['CLOCK_OFFSET']
_time, _datetime = time.time, datetime.datetime


def offset():
    with open(FILE) as file:
        return float(file.read())


class _Instances(type):
    def __instancecheck__(cls, value):
        return isinstance(value, _datetime)


class Datetime(_datetime, metaclass=_Instances):
    @classmethod
    def now(cls, tz=None):
        return _datetime.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        return _datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=offset())


time.time = lambda: _time() + offset()
datetime.datetime = Datetime
