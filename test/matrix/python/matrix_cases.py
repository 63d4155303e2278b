"""The interop matrix: Python calls, Node runs (and Python what a workflow has for it). One case a row."""
import datetime
import decimal
import json
import os
import time
import uuid

import matrix_app
import toolbox_app
from celery import chain, chord, group, signature
from celery.canvas import xmap, xstarmap, chunks as xchunks
from celery.exceptions import ChordError, TaskRevokedError

app = matrix_app.app
BACKEND = os.environ['MATRIX_BACKEND']
NEW = os.environ['MATRIX_PYTHON'] == 'new'
CASES = {}
PATIENCE = 100


def setup():
    toolbox_app.setup()


def case(run):
    CASES[run.__name__] = run
    return run


def sig(name, *args, **options):
    return signature(name, args=args, app=app, **options)


def get(result):
    return result.get(timeout=PATIENCE, interval=0.05)


def call(name, *args, kwargs=None, **options):
    return get(app.send_task(name, args, kwargs or {}, **options))


def value(whole):
    return get(whole.apply_async())


def failing(result):
    try:
        found = get(result)
    except Exception as error:
        return error
    raise AssertionError(f'expected a failure, got {found!r}')


def failure(name, *args, **options):
    return failing(app.send_task(name, args, **options))


def same(found, expected):
    assert found == expected, f'found {found!r}, expected {expected!r}'


def path():
    return os.path.join(os.environ['MATRIX_FOLDER'], str(uuid.uuid4()))


def until(what, check):
    deadline = time.time() + PATIENCE
    while True:
        found = check()
        if found:
            return found
        assert time.time() < deadline, f'waited for {what}; seen last: {found!r}'
        time.sleep(0.05)


def told(file):
    until('the file of a task', lambda: os.path.exists(file))
    with open(file) as text:
        return json.load(text)


@case
def leave_celery_to_node():
    app.control.cancel_consumer('celery', reply=True, timeout=5)


@case
def call_():
    same(call('export.add', 2, 3), 5)


CASES['call'] = CASES.pop('call_')


@case
def kwargs():
    same(call('export.echo', 1, 'é', [None, {'a': 1.5}], kwargs={'k': True, 'text': 'ü'}),
         {'args': [1, 'é', [None, {'a': 1.5}]], 'kwargs': {'k': True, 'text': 'ü'}})


@case
def typed():
    expected = toolbox_app.typed.run()
    if NEW:
        same(call('export.echo', expected)['args'], [expected])
        same(call('export.typed'), expected)
    else:
        # The JSON of Celery 5.2 writes them as text.
        seen = call('export.echo', {name: value for name, value in expected.items() if name != 'bytes'})['args'][0]
        same(seen['decimal'], '1.10')
        same(seen['date'], '2024-02-29T00:00:00')
        same(seen['big'], 2**70)
        if BACKEND == 'postgresql':
            same(call('export.typed'), expected)


@case
def exceptions():
    result = app.send_task('export.fail', ('boom',))
    error = failing(result)
    same([type(error).__name__, error.args], ['RangeError', ('boom',)])
    assert 'RangeError: boom' in result.traceback and 'node-tasks.ts' in result.traceback, result.traceback
    same(result.state, 'FAILURE')
    error = failure('export.fail_custom', 'no parcel')
    same([type(error).__name__, error.args], ['PlotError', ('no parcel',)])


@case
def cause():
    result = app.send_task('export.fail_because')
    same(failing(result).args, ('the effect',))
    assert 'Caused by: TypeError: the cause' in result.traceback, result.traceback


@case
def unserialisable():
    error = failure('export.fail_oddly')
    same([type(error).__name__, error.args], ['Error', ('odd',)])


@case
def unknown_task():
    error = failure('export.nobody_knows')
    same([type(error).__name__, error.args], ['NotRegistered', ('export.nobody_knows',)])


@case
def ignore_result():
    file = path()
    called = app.send_task('export.mark', (1, file), ignore_result=True)
    told(file)
    call('export.add', 1, 1)
    same(called.ready(), False)


def seen_in(state, name):
    gate = path()
    result = app.send_task(name, (gate,))
    if BACKEND == 'rpc':
        return heard_in(state, result, gate)
    meta = until(state, lambda: result.state == state and result.info)
    with open(gate, 'w'):
        pass
    same(get(result), 'done')
    return meta


def heard_in(state, result, gate):
    seen = {}

    def on_message(message):
        seen[message['status']] = message['result']
        if state in seen:
            with open(gate, 'w'):
                pass

    same(result.get(timeout=PATIENCE, on_message=on_message), 'done')
    return seen[state]


@case
def states():
    same(seen_in('PROGRESS', 'export.progress'), {'done': 3})


@case
def started():
    meta = seen_in('STARTED', 'export.held')
    assert isinstance(meta['pid'], int) and '@' in meta['hostname'], meta


@case
def expiry():
    result = app.send_task('export.add', (1, 1))
    get(result)
    if BACKEND == 'redis':
        left = app.backend.client.ttl(app.backend.get_key_for_task(result.id))
        assert 500 < left <= 600, left
    elif BACKEND == 'postgresql':
        import psycopg2
        with psycopg2.connect(os.environ['DATABASE_URL']) as connection, connection.cursor() as cursor:
            cursor.execute("update celery_taskmeta set date_done = date_done - interval '601 seconds' where task_id = %s",
                           (result.id,))
        connection.close()
        app.send_task('celery.backend_cleanup')
        until('the old result to go', lambda: app.AsyncResult(result.id).state == 'PENDING')
    else:
        # The queue that Python made for its results is the one our results are sent to.
        same(app.backend.binding.expires, 600)


@case
def compression():
    text = 'Ünïcødé' * 200
    for kind in ('zlib', 'gzip', 'bzip2'):
        same(call('export.echo', text, compression=kind), {'args': [text], 'kwargs': {}})


@case
def chain_():
    same(value(chain(sig('export.add', 1, 1), sig('python.add', 10), sig('export.add', 100), sig('python.add', 1_000),
                     sig('export.add', 10_000))), 11_112)


CASES['chain'] = CASES.pop('chain_')


@case
def chain_error():
    for breaks, name in (('python.fail', 'ValueError'), ('export.fail', 'RangeError')):
        error = failing(chain(sig('export.add', 1, 1), sig(breaks, 'broken', immutable=True), sig('export.add', 1),
                              sig('python.add', 1)).apply_async())
        same([type(error).__name__, error.args], [name, ('broken',)])


@case
def group_():
    names = ['export.add', 'python.add', 'export.add', 'python.add']
    members = group([sig(name, n, n) for n, name in enumerate(names)]).apply_async()
    same(members.join(timeout=PATIENCE), [0, 2, 4, 6])


CASES['group'] = CASES.pop('group_')


@case
def saved_group():
    members = group([sig('export.add', 1, 1), sig('python.add', 2, 2)]).apply_async()
    members.join(timeout=PATIENCE)
    same(members.completed_count(), 2)
    members.save()
    same(call('export.restored', members.id), [result.id for result in members.results])
    same(app.GroupResult.restore(members.id).join(timeout=PATIENCE), [2, 4])


def chord_of(header, body):
    return chord(header, body, app=app)


@case
def chord_():
    for body in ('export.total', 'python.total'):
        header = [sig('python.add' if n % 2 else 'export.add', n, n) for n in range(4)]
        same(value(chord_of(header, sig(body))), 12)


CASES['chord'] = CASES.pop('chord_')


@case
def chord_unlock():
    """Here only the Node worker takes from the queue celery."""
    same(value(chord_of([sig('export.add', 1, 1), sig('export.add', 2, 2)], sig('export.total'))), 6)


@case
def chord_error():
    for breaks in ('export.fail', 'python.fail'):
        file = path()
        body = sig('python.total')
        body.link_error(sig('export.mark', file))
        whole = chord_of([sig('export.add', 1, 1), sig(breaks, 'broken')], body).apply_async()
        # By its id alone, as Python asks the members first where it knows them.
        error = failing(app.AsyncResult(whole.id))
        assert isinstance(error, ChordError) and 'broken' in str(error), repr(error)
        same(len(told(file)), 1)


def three_deep(middle_step, deepest):
    inner = chord_of([sig('python.add', 20), chain(sig('export.add', 10), deepest)], sig('python.total'))
    middle = group(chain(sig('export.add', 10), middle_step), inner)
    return chain(sig('python.add', 1, 1), middle, sig('export.total'))


@case
def nested():
    same(value(three_deep(sig('python.add', 10), sig('export.add', 1))), 57)
    same(value(three_deep(sig('python.add', 10), sig('export.add', 1)) | sig('python.add', 9)), 66)


@case
def nested_error():
    for breaks in ('export.fail', 'python.fail'):
        step = sig(breaks, 'deep inside', immutable=True)
        # With Redis, Celery tells nobody who waits for a chord within a chord: there it is the middle that breaks.
        whole = three_deep(sig('python.add', 10), step) if BACKEND == 'postgresql' else three_deep(step, sig('export.add', 1))
        error = failing(app.AsyncResult(whole.apply_async().id))
        assert 'deep inside' in str(error), repr(error)


PAIRS = [[1, 2], [3, 4], [5, 6]]


@case
def map():
    same(value(xmap(sig('export.total'), PAIRS, app=app)), [3, 7, 11])


@case
def starmap():
    same(value(xstarmap(sig('export.add'), PAIRS, app=app)), [3, 7, 11])
    same(value(chain(xstarmap(sig('export.add'), PAIRS, app=app), sig('python.total'))), 21)


@case
def chunks():
    same(value(xchunks(sig('export.add'), PAIRS, 2, app=app)), [[3, 7], [11]])


@case
def immutable():
    fixed = [sig('export.add', 3, 4, immutable=True), sig('python.add', 5, 6, immutable=True)]
    same(value(chain(sig('python.add', 1, 1), *fixed)), 11)
    same(value(chain(sig('python.add', 1, 1), *fixed[::-1])), 7)


@case
def partials():
    partial = sig('export.add', 10)
    same(get(partial.apply_async((5,))), 15)
    same(get(partial.clone((6,)).apply_async()), 16)
    echo = signature('export.echo', args=(2,), kwargs={'b': 2}, app=app).clone((1,), {'a': 1, 'b': 3})
    same(value(echo), {'args': [1, 2], 'kwargs': {'a': 1, 'b': 3}})


@case
def link():
    here, there, both = path(), path(), path()
    app.send_task('export.add', (1, 2), link=sig('python.mark', here))
    app.send_task('python.add', (1, 2), link=sig('export.mark', there))
    add = sig('python.add', 1)
    add.link(sig('export.mark', both))
    app.send_task('export.add', (1, 2), link=[add, sig('export.add', 1)])
    same([told(here), told(there), told(both)], [[3], [3], [4]])


@case
def link_error_id():
    here, there = path(), path()
    first = app.send_task('export.fail', ('x',), link_error=sig('python.mark', here))
    other = app.send_task('python.fail', ('x',), link_error=sig('export.mark', there))
    same([told(here), told(there)], [[first.id], [other.id]])


@case
def link_error_here():
    file = path()
    result = app.send_task('export.fail', ('broken',), link_error=sig('export.errback', file))
    same(told(file), [result.id, 'RangeError', ['broken']])


@case
def replace():
    same(call('export.replaced', 1), 3)
    same(value(chain(sig('export.replaced', 1), sig('python.add', 10), sig('export.add', 100))), 113)


@case
def stamps():
    steps = chain(sig('export.marks'), sig('python.marks'), sig('export.marks'))
    steps.stamp(mark='seen')
    same(value(steps), ['seen', 'seen', 'seen'])


@case
def priority():
    steps = chain(sig('export.priority').set(priority=3), sig('python.priority').set(priority=5),
                  sig('export.priority').set(priority=7))
    same(value(steps), [3, 5, 7])
    same(call('export.priority', priority=4), [4])


@case
def headers():
    headers = {'tenant': 'Ünïcødé'}
    same(call('export.header', 'tenant', headers=headers), 'Ünïcødé')
    step = sig('export.header', 'tenant', immutable=True).set(headers=headers)
    same(value(chain(sig('python.add', 1, 1), step)), 'Ünïcødé')


@case
def retry():
    same(call('export.flaky', 2), 2)


@case
def autoretry():
    same(call('export.auto', 2), 2)


@case
def exhausted():
    for name, kind in (('export.flaky', 'ConnectionError'), ('export.auto', 'RangeError')):
        error = failure(name, 99)
        same([type(error).__name__, error.args], [kind, ('attempt 3',)])


@case
def ignore():
    file = path()
    result = app.send_task('export.ignored', (file,))
    told(file)
    call('export.add', 1, 1)
    same(result.ready(), False)


@case
def reject():
    same(call('export.rejected', path()), 'second time')
    error = failure('export.rejected')
    same([type(error).__name__, error.args], ['Reject', ('no thanks', False)])


@case
def eta():
    before = time.time()
    assert call('export.now', countdown=1) >= before + 0.999
    due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1.2)
    # Node counts time in milliseconds.
    assert call('export.now', eta=due) >= due.timestamp() - 0.001


@case
def expires():
    # The header alone: with the property beside it the broker would drop the message by itself.
    past = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=5)).isoformat()
    result = app.send_task('export.add', (1, 1), headers={'expires': past})
    error = failing(result)
    same([type(error), error.args, result.state], [TaskRevokedError, ('expired',), 'REVOKED'])
    same(call('export.add', 1, 2, expires=60), 3)


@case
def soft_limit():
    same(call('export.soft', soft_time_limit=0.5), 'stopped softly')


@case
def hard_limit():
    error = failure('export.sleep', 30, time_limit=1)
    same([type(error).__name__, error.args], ['TimeLimitExceeded', (1,)])


@case
def rate_limit():
    calls = [app.send_task('export.limited') for _ in range(5)]
    times = sorted(get(one) for one in calls)
    # Two a second: five of them take two, less what the first may be late.
    assert times[-1] - times[0] > 0.5, times


@case
def children():
    result = app.send_task('export.family')
    ids = get(result)
    same(sorted(child.id for child in result.children), sorted(ids))


@case
def tree():
    both = chord([sig('export.add', 1), sig('python.add', 2)], sig('export.total'))
    result = chain(sig('export.add', 1, 1), both, sig('python.add', 100)).apply_async()
    same(get(result), 107)
    same(call('export.tree', result.as_tuple()), [107, 7, [3, 4], 2])


@case
def revoke():
    file = path()
    held = app.send_task('export.mark', (1, file), countdown=2)
    held.revoke()
    error = failing(held)
    same([type(error), error.args, held.state], [TaskRevokedError, ('revoked',), 'REVOKED'])
    call('export.add', 1, 1, countdown=3)
    same(os.path.exists(file), False)


@case
def terminate():
    file = path()
    running = app.send_task('export.linger', (file,))
    until('its start', lambda: os.path.exists(file))
    if BACKEND != 'rpc':
        # A Python worker stores "revoked" for a task whose start is not stored yet, though it runs elsewhere.
        until('its start in the backend', lambda: running.state == 'STARTED')
    running.revoke(terminate=True)
    error = failing(running)
    same([type(error), error.args, running.state], [TaskRevokedError, ('terminated',), 'REVOKED'])
