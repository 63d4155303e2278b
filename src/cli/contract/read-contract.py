"""Prints, as JSON, a Celery app's tasks with their signatures as TypeScript types, and where it sends them. Nothing is connected."""
import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import importlib
import inspect
import json
import os
import pathlib
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
LISTS = (list, set, frozenset, collections.deque, collections.abc.Sequence, collections.abc.MutableSequence,
         collections.abc.Iterable, collections.abc.Collection, collections.abc.Set)
DICTS = (dict, collections.OrderedDict, collections.defaultdict, collections.abc.Mapping, collections.abc.MutableMapping)
# What Celery's model_dump(mode='json') makes text of.
DUMPED_AS_TEXT = (bytes, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath)
# Begins the list of what a type is inside of: a result, or a pydantic model in it.
RESULT = ('result',)
DUMPED = ('dumped',)
# Words that TypeScript takes for a type of its own where a parameter is named.
RESERVED = frozenset(
    'case catch const debugger default delete do enum export extends false function instanceof new null '
    'super switch this throw true typeof var void'.split())
UNIONS = (typing.Union, getattr(types, 'UnionType', typing.Union))


def written(hint, seen=()):
    if isinstance(hint, typing.TypeVar) and hint.__bound__ is not None and hint not in seen:
        return written(hint.__bound__, (*seen, hint))
    if hint in (inspect.Parameter.empty, typing.Any) or isinstance(hint, (str, typing.TypeVar)):
        return 'unknown'
    if hint is None:
        return 'null'
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        inner = getattr(hint, '__supertype__', None) or getattr(hint, '__value__', None)
        if inner is None or hint in seen or isinstance(hint, enum.Enum):
            return named(hint, seen)
        return written(inner, (*seen, hint))  # NewType, and "type X = …"
    if origin in UNIONS:
        return ' | '.join(dict.fromkeys(written(one, seen) for one in args))
    if origin is typing.Literal:
        return ' | '.join(dict.fromkeys(constant(one) for one in args))
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return f'readonly ({written(args[0], seen)})[]'
        return f"readonly [{', '.join(written(one, seen) for one in args)}]"
    if origin in LISTS:
        return f'readonly ({written(args[0], seen)})[]'
    if origin in DICTS:
        return f'Record<string, {written(args[1], seen)}>'
    if hasattr(hint, '__metadata__') or str(origin).endswith(('.Annotated', 'Required', '.ReadOnly', '.Final')):
        return written(args[0] if args else origin, seen)
    return named(origin, seen, args) if inspect.isclass(origin) else 'unknown'


def named(hint, seen, given=()):
    if seen[:1] == DUMPED and inspect.isclass(hint) and issubclass(hint, DUMPED_AS_TEXT):
        return 'string'
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
    if issubclass(hint, enum.Flag):
        return 'number'  # Flags may be combined.
    if issubclass(hint, enum.Enum):
        return ' | '.join(dict.fromkeys(constant(one) for one in hint)) or 'never'
    is_result = seen[:1] in (RESULT, DUMPED)
    parameters = dict(zip(getattr(hint, '__parameters__', ()), given))
    if hasattr(hint, 'model_fields'):
        seen = DUMPED + seen[1:] if is_result else seen
        fields = {n if is_result else name_sent(n, f): (f.annotation, not f.is_required())
                  for n, f in hint.model_fields.items()}
        if is_result:
            fields.update({n: (f.return_type, False) for n, f in getattr(hint, 'model_computed_fields', {}).items()})
    elif dataclasses.is_dataclass(hint):
        hints = hints_of(hint)
        missing = dataclasses.MISSING
        fields = {f.name: (hints.get(f.name, f.type), f.default is not missing or f.default_factory is not missing)
                  for f in dataclasses.fields(hint) if f.init or is_result}
    elif hasattr(hint, '__total__'):
        fields = {n: (t, is_optional(t, n in hint.__optional_keys__)) for n, t in hints_of(hint).items()}
    else:
        return 'unknown'
    # A result has its defaults filled in.
    is_filled = is_result and not hasattr(hint, '__total__')
    inside = '; '.join(
        f"{key(n)}{'?' if may_lack and not is_filled else ''}: {written(filled(t, parameters), seen)}"
        for n, (t, may_lack) in fields.items())
    return '{ ' + inside + ' }' if inside else 'Record<string, never>'


def filled(hint, parameters):
    """The hint of a field of Box[int], where the class says T."""
    if isinstance(hint, typing.TypeVar):
        return parameters.get(hint, hint)
    inside = getattr(hint, '__parameters__', ()) if typing.get_origin(hint) else ()
    return hint[tuple(parameters.get(one, one) for one in inside)] if inside else hint


def constant(one):
    value = one.value if isinstance(one, enum.Enum) else one
    return json.dumps(value) if isinstance(value, (str, int, type(None))) else written(type(value))


def key(name):
    return name if name.isidentifier() else json.dumps(name)


def label(name):
    return f'{name}_' if name in RESERVED else name


def name_sent(name, field):
    """A pydantic model takes a field by its alias; it is dumped by its name."""
    alias = getattr(field, 'validation_alias', None)
    return alias if isinstance(alias, str) else name


def is_optional(hint, otherwise):
    """Python itself cannot tell where hints are text (from __future__ import annotations)."""
    mark = str(typing.get_origin(hint))
    return mark.endswith('.NotRequired') if mark.endswith('Required') else otherwise


def hints_of(thing):
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except Exception:
        # One name that is not known here leaves the others known.
        scope = vars(sys.modules.get(thing.__module__, typing))
        return {name: evaluated(hint, scope) for name, hint in getattr(thing, '__annotations__', {}).items()}


def evaluated(hint, scope):
    try:
        return eval(hint, dict(scope)) if isinstance(hint, str) else hint
    except Exception:
        return typing.Any


def type_of(hint, seen=()):
    try:
        return written(hint, seen)
    except Exception:
        return 'unknown'  # An annotation need not be a type.


def keywords(hint):
    """Those of **kwargs: Unpack[a TypedDict]."""
    of = typing.get_args(hint)[0] if str(typing.get_origin(hint)).endswith('Unpack') else None
    if not hasattr(of, '__total__'):
        return None
    return [f"{key(n)}{'?' if is_optional(t, n in of.__optional_keys__) else ''}: {type_of(t)}"
            for n, t in hints_of(of).items()]


def contract(task):
    run = task.run
    hints = hints_of(getattr(run, '__func__', run))
    args, names, kwargs, kinds = [], [], [], inspect.Parameter
    for name, parameter in inspect.signature(run).parameters.items():
        hint = hints.get(name, parameter.annotation)
        kind = type_of(hint)
        may_lack = parameter.default is not kinds.empty
        if parameter.default is None and kind != 'unknown' and not kind.endswith('null'):
            kind = f'{kind} | null'
        if parameter.kind is kinds.VAR_POSITIONAL:
            args.append(f'...{label(name)}: ({kind})[]')
        elif parameter.kind is kinds.VAR_KEYWORD:
            # With others beside it, an index of one type would be theirs, too.
            kwargs += keywords(hint) or [f"[name: string]: {'unknown' if kwargs else kind}"]
        else:
            if parameter.kind is not kinds.KEYWORD_ONLY:
                names.append(name if parameter.kind is not kinds.POSITIONAL_ONLY else f'{name}, by position alone')
                args.append(f"{label(name)}{'?' if may_lack else ''}: {kind}")
            if parameter.kind is not kinds.POSITIONAL_ONLY:
                required = parameter.kind is kinds.KEYWORD_ONLY and not may_lack
                kwargs.append(f"{key(name)}{'' if required else '?'}: {kind}")
    result = type_of(hints.get('return', inspect.Parameter.empty), RESULT)
    inside = '{ ' + '; '.join(kwargs) + ' }' if kwargs else 'Record<string, never>'
    return f"{{ args: [{', '.join(args)}]; names: {json.dumps(names)}; kwargs: {inside}; result: {result} }}"


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
print('\nCONTRACT ' + json.dumps(found))

Queue = importlib.import_module('kombu').Queue
conf = app.conf


def arguments(queue):
    """Those that kombu declares a queue with."""
    times = {'x-expires': queue.expires, 'x-message-ttl': queue.message_ttl}
    numbers = {'x-max-length': queue.max_length, 'x-max-length-bytes': queue.max_length_bytes, 'x-max-priority': queue.max_priority}
    given = {**{k: v and int(v * 1000) for k, v in times.items()}, **numbers}
    return {**(queue.queue_arguments or {}), **{k: v for k, v in given.items() if v is not None}}


default_queue = app.amqp.queues.get(conf.task_default_queue) or Queue(conf.task_default_queue)
settings = {
    'version': importlib.import_module('celery').__version__,
    'name': app.main,
    'broker_url': app.connection_for_write().as_uri(include_password=True),
    'result_backend': conf.result_backend if isinstance(conf.result_backend, str) else None,
    'queue': conf.task_default_queue,
    'exchange': conf.task_default_exchange or conf.task_default_queue,
    'exchange_type': conf.task_default_exchange_type,
    'queues': list(app.amqp.queues),
    'binding_key': default_queue.routing_key or default_queue.name,
    'queue_arguments': arguments(default_queue),
}
print('SETTINGS ' + json.dumps(settings, default=str))
