import type { Plan } from './plan.ts'

/** The module that a Python app imports. */
export function snippetFile(own: string): string {
  return `${own.replaceAll('-', '_')}_route.py`
}

/** Python that lets an app call the tasks of the new one. */
export function pythonSnippet(plan: Plan): string {
  return plan.topology === 'celery' ? plainSnippet(plan) : mirroredSnippet(plan)
}

function plainSnippet({ own }: Plan): string {
  return `"""Calls of ${own}.* go to the queue "${own}", where the TypeScript worker is. In the module of the app:

    from ${own.replaceAll('-', '_')}_route import route_to_typescript
    route_to_typescript(app)

    app.send_task('${own}.add', (2, 3)).get(timeout=10)  # 5
"""


def route_to_typescript(app):
    routes = app.conf.task_routes or ()
    if not isinstance(routes, (list, tuple)):
        routes = (routes,)
    app.conf.task_routes = ({'${own}.*': {'queue': '${own}'}}, *routes)
`
}

function mirroredSnippet({ own, others }: Plan): string {
  const queues = [own, ...others.filter((name) => name !== own)]
  return `"""The exchange and the queues of app.ts, for a Python app beside it. In the module of the app:

    from ${own.replaceAll('-', '_')}_route import route_to_typescript
    route_to_typescript(app)

    app.send_task('${own}.add', (2, 3)).get(timeout=10)  # 5

A worker of Python takes from its own queues alone: celery -A APP worker -Q celery${others.map((name) => `,${name}`).join('')}
"""
from kombu import Exchange, Queue


def route_to_typescript(app):
    exchange = Exchange('task_exchange', type='topic')
    keys = {'celery': 'celery', 'platform.fifo': '#', ${queues.map((name) => `'${name}': '${name}'`).join(', ')}}
    queues = [Queue(name, exchange, routing_key=key) for name, key in keys.items()]
    app.conf.update(
        task_default_exchange=exchange.name,
        task_default_exchange_type=exchange.type,
        task_queues=queues,
        task_routes=(by_first_part(queues),),
    )


def by_first_part(queues):
    """export.add has the key "export". Each publish declares the queues first, so that none is lost."""
    def route(name, args, kwargs, options, task=None, **kw):
        return {'exchange': 'task_exchange', 'routing_key': name.split('.')[0], 'declare': queues}

    return route
`
}
