import type { Plan } from './plan.ts'

/** The steps from a plain Celery to the mirrored topology, with the queues of this one. */
export function migrationPage({ own, python, others }: Plan): string {
  const queue = python?.queue ?? 'celery'
  const old = python?.exchange ?? queue
  const type = python?.exchange_type ?? 'direct'
  const names = [...new Set([queue, ...others])]
  const all = [own, ...others.filter((name) => name !== queue)]
  const queues = names.map(
    (name) =>
      `    Queue('${name}', [binding(Exchange('${name === queue ? old : name}', type='${type}'), routing_key='${name}'),\n      binding(exchange, routing_key='${name}')]),`,
  )
  return `# To the mirrored topology

Now the calls of this app are its own affair, and Python's are recorded from events and results alone. On one topic
exchange, \`task_exchange\`, the broker copies every call of every language to the monitor's queue, \`platform.fifo\`. Each step can be
taken alone, with all workers running, and be taken back.

1. **Python's queues get a second binding.** Old messages still arrive. Add to the app, then restart its workers:

   \`\`\`python
   from kombu import Exchange, Queue, binding
   exchange = Exchange('task_exchange', type='topic')
   app.conf.task_queues = [
${queues.join('\n')}
   ]
   \`\`\`

2. **A monitor** records what comes: \`npx celery-toolbox monitor -A app.ts --migrate --database postgres://…\`.

3. **TypeScript publishes to the exchange.** In app.ts take \`TOPOLOGY\` and \`MIRROR\` out, and name all queues:
   \`queues: [${all.map((name) => `'${name}'`).join(', ')}]\`. Tasks whose names begin with no queue's name are Python's; they go to \`${queue}\`:

   \`\`\`ts
   task_routes: {
${[...all.map((name) => `     '${name}.*': { exchange: 'task_exchange', routing_key: '${name}' },`), `     '*': { exchange: 'task_exchange', routing_key: '${queue}' },`].join('\n')}
   },
   \`\`\`

   Restart its workers: they declare \`task_exchange\` and \`platform.fifo\`.

4. **Python publishes to the exchange.** Restart producers and workers, one after the other:

   \`\`\`python
   app.conf.task_default_exchange = 'task_exchange'
   app.conf.task_default_exchange_type = 'topic'
   KEYS = {${all.map((name) => `'${name}'`).join(', ')}}

   def by_first_part(name, *_, **__):
       first = name.split('.')[0]
       return {'exchange': 'task_exchange', 'routing_key': first if first in KEYS else '${queue}'}

   app.conf.task_routes = (by_first_part,)
   \`\`\`

5. **Look**: \`npx celery-toolbox doctor -A app.ts\` finds every queue bound, and rows of \`monitor.message\` have
   \`exchange = 'task_exchange'\`.

The same in general: docs/beside-celery.md of celery-toolbox.
`
}
