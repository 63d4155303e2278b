// A process that counts the last member of a chord, and never comes to an end with releasing it.

import { openResultStore } from '../../../src/results/open-result-store.ts'
import { success } from '../../contracts/stored-results.ts'

const [, , backend = '', groupId = '', taskId = ''] = process.argv
const store = await openResultStore({ result_backend: backend })
const member = { groupId, groupIndex: 0, result: { ...success('done'), taskId } }
await store.save(member.result)
await store.chords?.memberDone(member, async () => {
  console.log('releasing')
  await new Promise(() => setInterval(() => undefined, 1000))
})
