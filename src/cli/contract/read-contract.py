"""Prints, as JSON, a Celery app's tasks with their signatures as TypeScript types, and where it sends them. Nothing is connected."""
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import importlib
import inspect
import json
import os
import sys
import types
import typing
import uuid

sys.path.insert(0, os.getcwd())
OURS = "import('celery-toolbox')."
PLAIN = {
    int: 'number', float: 'number', str: 'string', bool: 'boolean',
    type(None): 'null', datetime.datetime: 'Date', bytes: 'Uint8Array',
    datetime.date: f'{OURS}LocalDate', datetime.time: f'{OURS}LocalTime',
    object: 'unknown', dict: 'Record<string, unknown>',
    list: 'readonly unknown[]', tuple: 'readonly unknown[]', set: 'readonly unknown[]',
}
# What a message carries has a type of its own; what is sent may be simpler.
EXACT = {decimal.Decimal: ('number', f'{OURS}Decimal'), uuid.UUID: ('string', f'{OURS}Uuid')}
LISTS = (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
# Begins the list of what a type is inside of.
RESULT = ('result',)
UNIONS = (typing.Union, getattr(types, 'UnionType', typing.Union))


def written(hint, seen=()):
    if hint in (inspect.Parameter.empty, typing.Any) or isinstance(hint, (str, typing.TypeVar)):
        return 'unknown'
    if hint is None:
        return 'null'
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return named(hint, seen)
    if origin in UNIONS:
        return ' | '.join(dict.fromkeys(written(one, seen) for one in args))
    if origin is typing.Literal:
        return ' | '.join(json.dumps(one) for one in args)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return f'readonly ({written(args[0], seen)})[]'
        return f"readonly [{', '.join(written(one, seen) for one in args)}]"
    if origin in LISTS:
        return f'readonly ({written(args[0], seen)})[]'
    if origin in DICTS:
        return f'Record<string, {written(args[1], seen)}>'
    if str(origin) in ('typing.Annotated', 'typing.Required', 'typing.NotRequired') or hasattr(hint, '__metadata__'):
        return written(args[0] if args else origin, seen)
    return 'unknown'


def named(hint, seen):
    if hint in PLAIN:
        return PLAIN[hint]
    if hint in EXACT:
        return EXACT[hint][1] if seen[:1] == RESULT else ' | '.join(EXACT[hint])
    if not inspect.isclass(hint) or hint in seen:
        return 'unknown'
    seen = (*seen, hint)
    if issubclass(hint, tuple) and hasattr(hint, '_fields'):
        hints = hints_of(hint)
        return f"readonly [{', '.join(written(hints.get(name, typing.Any), seen) for name in hint._fields)}]"
    if issubclass(hint, enum.Enum):
        return ' | '.join(json.dumps(one.value) for one in hint)
    if hasattr(hint, 'model_fields'):
        fields = {n: (f.annotation, not f.is_required()) for n, f in hint.model_fields.items()}
    elif dataclasses.is_dataclass(hint):
        hints = hints_of(hint)
        missing = dataclasses.MISSING
        fields = {f.name: (hints.get(f.name, f.type), f.default is not missing or f.default_factory is not missing)
                  for f in dataclasses.fields(hint)}
    elif hasattr(hint, '__total__'):
        fields = {n: (t, n in hint.__optional_keys__) for n, t in hints_of(hint).items()}
    else:
        return 'unknown'
    # A result has its defaults filled in.
    is_filled = seen[:1] == RESULT and not hasattr(hint, '__total__')
    inside = '; '.join(
        f"{key(n)}{'?' if may_lack and not is_filled else ''}: {written(t, seen)}" for n, (t, may_lack) in fields.items())
    return '{ ' + inside + ' }' if inside else 'Record<string, never>'


def key(name):
    return name if name.isidentifier() else json.dumps(name)


def hints_of(thing):
    try:
        return typing.get_type_hints(thing)
    except Exception:
        return getattr(thing, '__annotations__', {})


def contract(task):
    run = task.run
    hints = hints_of(getattr(run, '__func__', run))
    args, kwargs, kinds = [], [], inspect.Parameter
    for name, parameter in inspect.signature(run).parameters.items():
        kind = written(hints.get(name, parameter.annotation))
        may_lack = parameter.default is not kinds.empty
        if parameter.kind is kinds.VAR_POSITIONAL:
            args.append(f'...{name}: ({kind})[]')
        elif parameter.kind is kinds.VAR_KEYWORD:
            kwargs.append('[name: string]: unknown')
        else:
            if parameter.kind is not kinds.KEYWORD_ONLY:
                args.append(f"{name}{'?' if may_lack else ''}: {kind}")
            if parameter.kind is not kinds.POSITIONAL_ONLY:
                required = parameter.kind is kinds.KEYWORD_ONLY and not may_lack
                kwargs.append(f"{key(name)}{'' if required else '?'}: {kind}")
    result = written(hints.get('return', inspect.Parameter.empty), RESULT)
    inside = '{ ' + '; '.join(kwargs) + ' }' if kwargs else 'Record<string, never>'
    return f"{{ args: [{', '.join(args)}]; kwargs: {inside}; result: {result} }}"


def find_app(spec):
    from celery import Celery
    module, _, attribute = spec.partition(':')
    loaded = importlib.import_module(module)
    if attribute:
        return getattr(loaded, attribute)
    for name in ('app', 'celery'):
        if isinstance(getattr(loaded, name, None), Celery):
            return getattr(loaded, name)
    for value in vars(loaded).values():
        if isinstance(value, Celery):
            return value
    return find_app(f'{module}.celery')


app = find_app(sys.argv[1])
app.loader.import_default_modules()
app.finalize()
found = {name: contract(task) for name, task in sorted(app.tasks.items()) if not name.startswith('celery.')}
print('CONTRACT ' + json.dumps(found))

conf = app.conf
settings = {
    'version': importlib.import_module('celery').__version__,
    'name': app.main,
    'broker_url': app.connection_for_write().as_uri(include_password=True),
    'result_backend': conf.result_backend if isinstance(conf.result_backend, str) else None,
    'queue': conf.task_default_queue,
    'exchange': conf.task_default_exchange or conf.task_default_queue,
    'exchange_type': conf.task_default_exchange_type,
    'queues': list(app.amqp.queues),
}
print('SETTINGS ' + json.dumps(settings))
