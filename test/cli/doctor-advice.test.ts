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
  [
    'CredentialsProviderError: Could not load credentials from any providers',
    'sqs://',
    /^export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…/,
  ],
  ['InvalidClientTokenId: The security token is invalid', 'sqs://a:b@', /AWS does not know/],
  ['SignatureDoesNotMatch: check your key', 'sqs://a:b@', /AWS does not know/],
  ['ExpiredToken: The token has expired', 'sqs://', /AWS does not know/],
  ['AccessDenied: not authorized to perform sqs:GetQueueUrl', 'sqs://', /doctor --iam/],
  [
    'connect ECONNREFUSED 127.0.0.1:4999',
    'sqs://x:y@127.0.0.1:4999',
    /^start the server of the url/,
  ],
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
  const down = new Error('connect ECONNREFUSED 127.0.0.1:6379')
  expect(resultsAdvice(down, 'redis://:x@r:6380/1')).toBe(
    'start Redis (redis-server), or set result_backend (CELERY_RESULT_BACKEND) to where it is: redis://:password@host:6379/0',
  )
  expect(resultsAdvice(down, 'db+postgresql://ann@db/work')).toMatch(
    /^start PostgreSQL, or set result_backend/,
  )
  const missing = new Error('relation "celery_taskmeta" does not exist')
  expect(resultsAdvice(missing, 'db+postgresql://ann@db/work')).toContain('migrate up')
})
