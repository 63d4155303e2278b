"""Runs flows described as JSON, one a line, on TaskFlow, and prints a line for each: its calls and how it ended."""
import json
import logging
import sys

from taskflow import engines, retry, task
from taskflow.patterns import graph_flow, linear_flow, unordered_flow
from taskflow.types import failure

logging.disable(logging.CRITICAL)


def noted(value):
    if isinstance(value, failure.Failure):
        return {'$failure': text_of(value)}
    if isinstance(value, dict):
        return {key: noted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [noted(item) for item in value]
    return value


def text_of(one):
    return '%s: %s' % (one.exc_type_names[0] if hasattr(one, 'exc_type_names') else list(one)[0], one.exception_str)


def history_of(history):
    return [[value, {name: text_of(f) for name, f in failures.items()}] for value, failures in history]


class Player:
    def __init__(self):
        self.calls = []
        self.counts = {}

    def flow(self, spec):
        made = {'linear': linear_flow.Flow, 'unordered': unordered_flow.Flow, 'graph': graph_flow.Flow}[spec['flow']](
            spec['name'], retry=self.retry(spec['retry']) if 'retry' in spec else None)
        items = {}
        for item in spec['items']:
            one = self.flow(item) if 'flow' in item else self.task(item)
            items[one.name] = one
            made.add(one)
        for link in spec.get('links', []):
            made.link(items[link['from']], items[link['to']], decider=self.decider(link) if 'decider' in link else None,
                      decider_depth=link.get('depth'))
        return made

    def decider(self, link):
        def decide(history):
            rule = link['decider']
            answer = rule['returns'] if 'returns' in rule else bool(history.get(rule['atom']))
            self.calls.append({'call': 'decider', 'link': '%s->%s' % (link['from'], link['to']),
                               'history': noted(history), 'returns': answer})
            return answer
        return decide

    def task(self, spec):
        player = self

        class Task(task.Task):
            def execute(self, **kwargs):
                return player.behave(spec, 'execute', kwargs)

            def revert(self, **kwargs):
                return player.behave(spec, 'revert', {'result': kwargs.get('result')})

        return Task(spec['task'], provides=spec.get('provides'), requires=spec.get('args', []), auto_extract=False,
                    revert_requires=[])

    def behave(self, spec, call, args):
        name = spec['task']
        key = (name, call)
        self.counts[key] = self.counts.get(key, 0) + 1
        args.pop('result', None) if call == 'revert' and args.get('result') is None else None
        entry = {'atom': name, 'call': call, 'args': noted(args)}
        self.calls.append(entry)
        rule = spec.get(call, {})
        fail = rule.get('fail')
        if fail and self.counts[key] in fail['onCalls']:
            entry['raises'] = '%s: %s' % (fail['type'], fail['message'])
            raise {'RuntimeError': RuntimeError, 'ValueError': ValueError}[fail['type']](fail['message'])
        result = rule.get('return')
        if result is not None:
            entry['returns'] = result
        return result

    def retry(self, spec):
        player = self
        base, kwargs = {
            'Times': (retry.Times, {'attempts': spec.get('attempts', 1)}),
            'ForEach': (retry.ForEach, {'values': spec.get('values', [])}),
            'AlwaysRevert': (retry.AlwaysRevert, {}),
            'AlwaysRevertAll': (retry.AlwaysRevertAll, {}),
        }[spec['retry']]
        if spec['retry'] in ('Times', 'ForEach') and spec.get('revertAll'):
            kwargs['revert_all'] = True
        name = spec['name']

        class Retry(base):
            def execute(self, history, **kwargs):
                entry = {'atom': name, 'call': 'retry.execute', 'history': history_of(history)}
                player.calls.append(entry)
                result = super().execute(history=history, **kwargs)
                if result is not None:
                    entry['returns'] = result
                return result

            def on_failure(self, history, **kwargs):
                entry = {'atom': name, 'call': 'retry.on_failure', 'history': history_of(history)}
                player.calls.append(entry)
                entry['returns'] = super().on_failure(history=history, **kwargs)
                return entry['returns']

            def revert(self, history, **kwargs):
                player.calls.append({'atom': name, 'call': 'retry.revert', 'history': history_of(history)})

        return Retry(name=name, provides=spec.get('provides'), **kwargs)


def play(spec):
    player = Player()
    engine = engines.load(player.flow(spec['flow']), store=spec.get('store', {}), **spec.get('options', {}))
    raised = None
    try:
        engine.run()
    except Exception as error:
        raised = type(error).__name__
    names = spec['atoms']
    storage = engine.storage
    return {
        'calls': player.calls,
        'flow': storage.get_flow_state(),
        'atoms': {name: [storage.get_atom_state(name), storage.get_atom_intention(name)] for name in names},
        'results': noted(storage.fetch_all()),
        'raised': raised,
    }


for line in sys.stdin:
    try:
        print(json.dumps(play(json.loads(line))), flush=True)
    except Exception as error:
        print(json.dumps({'refused': '%s: %s' % (type(error).__name__, error)}), flush=True)
