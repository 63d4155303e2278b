// One side of the streams benchmark, in a process of its own: block|bare FROM TO. Frames that it pulls from the address that
// it binds are pushed to the other one. SIGTERM ends it; then it prints the CPU time it took, in ms. In plain JavaScript, and
// each with no more than it needs: what is loaded besides is in the heap that V8 marks.
const [kind = '', from = '', to = ''] = process.argv.slice(2)

async function bareLoop() {
  const { Pull, Push } = await import('zeromq')
  const [pull, push] = [new Pull(), new Push()]
  await pull.bind(from)
  push.connect(to)
  console.log('ready')
  for await (const frames of pull) await push.send(frames)
}

async function block() {
  const { Block, operator, zmq } = await import('celery-toolbox/streams')
  const forward = new Block(
    'forward',
    operator((frame) => frame),
    { listeners: [zmq.pull(from, { bind: true })], publishers: [zmq.push(to)] },
  )
  await forward.start()
  console.log('ready')
}

process.once('SIGTERM', () => {
  const { user, system } = process.cpuUsage()
  console.log((user + system) / 1_000)
  process.exit()
})
await (kind === 'bare' ? bareLoop() : block())
