"""toolbox_app with what the interop tests need besides: it also accepts YAML and MessagePack, and shows user headers."""
from toolbox_app import app

app.conf.accept_content = ['json', 'yaml', 'msgpack']


@app.task(name='python.headers', bind=True)
def headers(self, *names):
    """User headers, which are attributes of the request in every version of Celery."""
    return {name: getattr(self.request, name, None) for name in names}


@app.task(name='python.join', bind=True)
def join(self, before, text):
    """A step of a chain: what came before, this step, and the family it belongs to."""
    return {'steps': [*before['steps'], text], 'roots': [*before['roots'], self.request.root_id]}


@app.task(name='python.total')
def total(numbers):
    return sum(numbers)


@app.task(name='python.note')
def note(*args):
    """A callback or an errback."""
    return list(args)


@app.task(name='python.outcome')
def outcome(succeeds):
    if not succeeds:
        raise RuntimeError('asked to')
    return succeeds
