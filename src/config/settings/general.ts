import { contentTypes } from '../resolve/named-types.ts'
import { anything, boolean, nullable, text, textOrList, timezone } from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

export const generalSettings = {
  accept_content: setting(
    contentTypes,
    ['json'],
    'The content types that are read; a message of another one is refused unread.',
  ),
  enable_utc: setting(boolean, true, 'Send times in UTC.'),
  imports: setting(
    textOrList,
    ['app.tasks'],
    'The modules that declare tasks: paths relative to the file of the app; the default is for Python alone.',
    {
      celeryDefault: [],
    },
  ),
  include: setting(textOrList, [], 'More modules that declare tasks, as in imports.'),
  timezone: setting(nullable(timezone), null, 'The time zone of schedules; None is UTC.'),
  override_backends: setting(
    anything,
    null,
    'Python only: other classes for the names of result backends.',
    { state: 'python' },
  ),
  security_certificate: setting(
    nullable(text),
    null,
    'The file with the certificate that signs messages.',
    { state: 'refused' },
  ),
  security_cert_store: setting(nullable(text), null, 'The folder of the certificates to trust.', {
    state: 'refused',
  }),
  security_digest: setting(text, 'sha256', 'The digest of signatures.', { state: 'refused' }),
  security_key: setting(
    nullable(text),
    null,
    'The file with the private key that signs messages.',
    { state: 'refused' },
  ),
  security_key_password: setting(nullable(anything), null, 'The password of that private key.', {
    state: 'refused',
  }),
}
