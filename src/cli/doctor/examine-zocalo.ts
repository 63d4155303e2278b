import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deadLetterQueue, isDeadLetterQueue } from '../../brokers/dead-letters/dead-letter-queue.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { Recipe } from '../../recipes/recipe/recipe.ts'
import type { SiteConfig } from '../../recipes/site/site-config.ts'
import { openTransport } from '../../recipes/transport/open-transport.ts'
import { defaultTransport } from '../../recipes/transport/transport-choice.ts'
import { type ListedQueue, rabbitmqAnswer, rabbitmqQueues } from '../../services/rabbitmq-api.ts'
import { type Check, failed, noted, ok } from './check.ts'

/** What services of a Zocalo find on their broker (https://zocalo.readthedocs.io): name and type. */
const EXCHANGES = [
  ['command', 'fanout', 'services cannot be shut down by "shutdown"'],
  ['transient.status', 'fanout', 'no status monitor sees the services'],
  ['delayed', 'x-delayed-message', 'messages with a delay are lost'],
] as const

/** Looks at what recipe services need; nothing is declared: the site's own people lay out its broker. */
export async function* examineZocalo(names: readonly string[]): AsyncGenerator<Check> {
  const site = await openedSite(names)
  if ('state' in site) {
    yield site
    return
  }
  yield ok('site', `environments ${site.activeEnvironments.join(', ') || 'none'}`)
  for (const warning of site.warnings) yield noted('site', warning)
  yield* recipeChecks(site)
  const transport = defaultTransport(site)
  if (transport !== 'PikaTransport') {
    yield await transportCheck(site, transport)
    return
  }
  yield await brokerCheck(site)
  if (site.block('rabbitmqapi') === null) {
    yield noted(
      'exchanges and queues',
      'cannot be seen: the site has no block rabbitmqapi',
      'add one: base_url, username, password',
    )
    return
  }
  yield* layoutChecks(site)
}

async function openedSite(names: readonly string[]): Promise<SiteConfig | Check> {
  try {
    const { activatedSite } = await import('../zocalo/activated-site.ts')
    return (await activatedSite(names)).config
  } catch (error) {
    return failed(
      'site',
      error,
      'mend the file that ZOCALO_CONFIG names, then run the doctor again',
    )
  }
}

/** Of the Dispatcher. */
function* recipeChecks(site: SiteConfig): Generator<Check> {
  const folder = site.plugin('storage')?.['zocalo.recipe_directory']
  if (typeof folder !== 'string') {
    yield noted('recipes', 'the site has no zocalo.recipe_directory', 'the Dispatcher needs it')
    return
  }
  if (!existsSync(folder)) {
    yield failed(
      'recipes',
      `there is no folder ${folder}`,
      'create it, or mend zocalo.recipe_directory',
    )
    return
  }
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const bad = files.filter((name) => !isValid(join(folder, name)))
  for (const name of bad) {
    yield failed(
      `recipe ${name}`,
      'it is not valid',
      `celery-toolbox recipe check ${join(folder, name)}`,
    )
  }
  yield ok('recipes', `${files.length - bad.length} valid in ${folder}`)
}

function isValid(file: string): boolean {
  try {
    Recipe.parse(readFileSync(file, 'utf8')).validate()
    return true
  } catch {
    return false // the advice is the command that says why
  }
}

async function brokerCheck(site: SiteConfig): Promise<Check> {
  const { host = 'localhost', port = 5672, vhost = '/' } = site.block('pika') ?? {}
  const place = `${String(host)}:${String(port)}, virtual host ${String(vhost)}`
  try {
    await using transport = openTransport('PikaTransport', { config: site })
    await transport.connect()
    return ok('RabbitMQ', place)
  } catch (error) {
    return failed('RabbitMQ', error, `start it, or mend the block pika of the site: ${place}`)
  }
}

/** Of one that makes its queues itself. */
async function transportCheck(site: SiteConfig, name: string): Promise<Check> {
  try {
    await using transport = openTransport(name, { config: site })
    await transport.connect()
    const requests = (await transport.depth?.('processing_recipe')) ?? null
    const found = requests === null ? 'no queue of requests yet' : `${requests} requests wait`
    return ok(name, found)
  } catch (error) {
    return failed(
      name,
      error,
      'start its server, or mend the block of the site that says where it is',
    )
  }
}

async function* layoutChecks(site: SiteConfig): AsyncGenerator<Check> {
  const vhost = String(site.block('pika')?.vhost ?? '/')
  const place = encodeURIComponent(vhost)
  try {
    yield* exchangeChecks(await rabbitmqAnswer(site, `exchanges/${place}`))
    const queues = await rabbitmqQueues(site, vhost)
    yield* queueChecks(queues)
    yield* delayChecks(
      queues,
      await rabbitmqAnswer(site, `exchanges/${place}/delayed/bindings/source`),
    )
    const dead = queues.filter(({ name, messages }) => isDeadLetterQueue(name) && messages > 0)
    const waiting = dead.reduce((sum, { messages }) => sum + messages, 0)
    if (waiting > 0) yield noted('dead letters', `${waiting}`, 'celery-toolbox dlq-check')
  } catch (error) {
    yield failed('management API', error, 'mend the block rabbitmqapi of the site')
  }
}

function* exchangeChecks(answer: unknown): Generator<Check> {
  const there = new Map(listOf(answer).map(({ name, type }) => [String(name), String(type)]))
  for (const [name, type, without] of EXCHANGES) {
    const found = there.get(name)
    const advice = `declare the exchange ${name} of the type ${type}: else ${without}`
    if (found === type) yield ok(`exchange ${name}`, type)
    else
      yield failed(
        `exchange ${name}`,
        found === undefined ? 'it is not there' : `its type is ${found}`,
        advice,
      )
  }
}

function* queueChecks(queues: readonly ListedQueue[]): Generator<Check> {
  const names = new Set(queues.map(({ name }) => name))
  const own = queues.filter(
    ({ name, isTemporary }) => !isTemporary && !isDeadLetterQueue(name) && !name.startsWith('amq.'),
  )
  if (!names.has('processing_recipe')) {
    yield failed(
      'queue processing_recipe',
      'it is not there',
      'declare it: the Dispatcher takes requests there',
    )
  }
  let whole = 0
  for (const queue of own) {
    const problems = [...problemsOf(queue, names)]
    if (problems.every(({ state }) => state === 'noted')) whole += 1
    yield* problems
  }
  if (whole > 0) yield ok('queues', `${whole} with dead-letter queue and delivery limit`)
}

function* problemsOf(queue: ListedQueue, names: ReadonlySet<string>): Generator<Check> {
  const { name, deadLetters, deliveryLimit, hasSingleConsumer } = queue
  const wanted = deadLetterQueue(name)
  if (deadLetters === null) {
    yield failed(
      `queue ${name}`,
      'its dead letters are dropped',
      `set x-dead-letter-exchange "" and x-dead-letter-routing-key ${wanted}, by argument or policy`,
    )
  } else if (deadLetters.exchange === '' && !names.has(deadLetters.routingKey)) {
    const { routingKey } = deadLetters
    yield failed(
      `queue ${name}`,
      `its dead-letter queue ${routingKey} is not there`,
      `declare ${routingKey}`,
    )
  }
  if (deliveryLimit === null) {
    yield failed(
      `queue ${name}`,
      'it has no delivery limit: a message that kills its services comes back for ever',
      'set the policy delivery-limit on quorum queues, or run the service Schlockmeister',
    )
  }
  if (name === 'jsonlines' && !hasSingleConsumer) {
    yield noted(
      'queue jsonlines',
      'it may have several consumers',
      'x-single-active-consumer keeps lines in order',
    )
  }
}

/** A message with a delay finds its queue by a binding of the exchange `delayed`. */
function* delayChecks(queues: readonly ListedQueue[], answer: unknown): Generator<Check> {
  if (answer === null) return
  const bound = new Set(
    listOf(answer).map(
      ({ destination, routing_key: key }) => `${String(destination)} ${String(key)}`,
    ),
  )
  const without = queues
    .filter(({ name, isTemporary }) => !isTemporary && !isDeadLetterQueue(name))
    .filter(({ name }) => !bound.has(`${name} ${name}`))
    .map(({ name }) => name)
  if (without.length === 0) return
  const advice = 'bind each to the exchange delayed, with its own name as key'
  const check = without.includes('processing_recipe') ? failed : noted
  yield check('delays', `messages to these queues cannot wait: ${without.join(', ')}`, advice)
}

function listOf(answer: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(answer) ? answer.filter(isRecord) : []
}
