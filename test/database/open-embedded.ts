import { openDatabase } from 'celery-toolbox/monitor'

// Opens an embedded database in the folder named first (or a temporary one), says where, and does as it is told next.
const [directory, then] = process.argv.slice(2)
const database = await openDatabase({ embedded: { directory: directory || undefined } })
const rows = await database.query("select current_setting('data_directory') as data, version()")
console.log(JSON.stringify({ url: database.url, ...rows[0] }))
if (then === 'close') await database.close()
if (then === 'throw') throw new Error('on purpose')
if (then === 'wait') setInterval(() => undefined, 1000)
