import { expect, test } from 'vitest'
import { brokerAdvice, databaseAdvice, resultsAdvice } from '../../src/cli/doctor/advice.ts'

test.each([
  [
    'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN',
    'amqp://ann:secret@mq/work',
    'the user or the password is wrong: correct the url, or rabbitmqctl change_password ann PASSWORD',
  ],
  [
    'the virtual host does not exist, or the user may not use it',
    'amqp://ann:secret@mq/work',
    'rabbitmqctl add_vhost work && rabbitmqctl set_permissions -p work ann ".*" ".*" ".*"',
  ],
  ['getaddrinfo ENOTFOUND mq', 'amqp://mq', /the name of the host is unknown/],
  ['connect ECONNREFUSED 127.0.0.1:5672', 'amqp://mq', /^start the broker/],
  ['anything', undefined, /^start the broker/],
])('of a broker that says "%s" the doctor knows the cure', (error, url, advice) => {
  expect(brokerAdvice(new Error(error), url)).toMatch(advice)
})

test.each([
  [
    'password authentication failed for user "ann"',
    /the password is wrong, .* psql -c "ALTER ROLE ann PASSWORD '…'"/,
  ],
  ['database "work" does not exist', /^createdb -O ann work$/],
  ['connect ECONNREFUSED', /^start PostgreSQL/],
])('of a database that says "%s" the doctor knows the cure', (error, advice) => {
  const url = 'postgresql://ann:secret@db/work'
  expect(databaseAdvice(new Error(error), url)).toMatch(advice)
  expect(databaseAdvice(new Error(error), url)).not.toContain('secret')
})

test('of results, too', () => {
  const wrong = new Error('password authentication failed for user "ann"')
  expect(resultsAdvice(wrong, 'db+postgresql://ann:secret@db/work')).toContain('ALTER ROLE ann')
  expect(resultsAdvice(new Error('WRONGPASS invalid'), 'redis://:x@r')).toContain('result_backend')
  const missing = new Error('relation "celery_taskmeta" does not exist')
  expect(resultsAdvice(missing, 'db+postgresql://ann@db/work')).toContain('migrate up')
})
