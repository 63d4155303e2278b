import {
  anything,
  count,
  dict,
  either,
  nullable,
  number,
  port,
  seconds,
  text,
  textList,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

/** Result backends of cloud stores; Python's workers use them. */
export const cloudBackendSettings = {
  azureblockblob_base_path: setting(text, '', 'Python only: the folder of results in Azure.', {
    state: 'python',
  }),
  azureblockblob_connection_timeout: setting(
    seconds,
    20,
    'Python only: seconds to wait for a connection to Azure.',
    { state: 'python' },
  ),
  azureblockblob_container_name: setting(
    text,
    'celery',
    'Python only: the Azure container of results.',
    { state: 'python' },
  ),
  azureblockblob_read_timeout: setting(
    seconds,
    120,
    'Python only: seconds to wait for an answer of Azure.',
    { state: 'python' },
  ),
  azureblockblob_retry_increment_base: setting(
    number,
    2,
    'Python only: the base by which waits between tries at Azure grow.',
    { state: 'python' },
  ),
  azureblockblob_retry_initial_backoff_sec: setting(
    seconds,
    2,
    'Python only: seconds before the first new try at Azure.',
    { state: 'python' },
  ),
  azureblockblob_retry_max_attempts: setting(
    count,
    3,
    'Python only: how often Azure is tried again.',
    { state: 'python' },
  ),
  cassandra_auth_kwargs: setting(
    nullable(either(dict, text)),
    null,
    'Python only: arguments of the Cassandra authentication provider.',
    { state: 'python' },
  ),
  cassandra_auth_provider: setting(
    nullable(text),
    null,
    'Python only: the class of the Cassandra authentication provider.',
    { state: 'python' },
  ),
  cassandra_bundle_path: setting(
    nullable(text),
    null,
    'Python only: the bundle with which to reach Astra DB.',
    { state: 'python' },
  ),
  cassandra_secure_bundle_path: setting(
    nullable(text),
    null,
    'Python only: another name for cassandra_bundle_path.',
    { state: 'python' },
  ),
  cassandra_entry_ttl: setting(
    nullable(seconds),
    null,
    'Python only: seconds for which Cassandra keeps results.',
    { state: 'python' },
  ),
  cassandra_keyspace: setting(
    nullable(text),
    null,
    'Python only: the Cassandra keyspace of results.',
    { state: 'python' },
  ),
  cassandra_options: setting(dict, {}, 'Python only: options of the Cassandra driver.', {
    state: 'python',
  }),
  cassandra_port: setting(
    nullable(either(port, text)),
    null,
    'Python only: the port of Cassandra.',
    { state: 'python' },
  ),
  cassandra_read_consistency: setting(
    nullable(text),
    null,
    'Python only: how consistent Cassandra reads are.',
    { state: 'python' },
  ),
  cassandra_servers: setting(nullable(textList), null, 'Python only: the hosts of Cassandra.', {
    state: 'python',
  }),
  cassandra_table: setting(nullable(text), null, 'Python only: the Cassandra table of results.', {
    state: 'python',
  }),
  cassandra_write_consistency: setting(
    nullable(text),
    null,
    'Python only: how consistent Cassandra writes are.',
    { state: 'python' },
  ),
  dynamodb_endpoint_url: setting(
    nullable(text),
    null,
    'Python only: where DynamoDB is, when not at AWS.',
    { state: 'python' },
  ),
  firestore_project: setting(
    nullable(text),
    null,
    'Python only: the Google Cloud project of Firestore; None is gcs_project.',
    { state: 'python' },
  ),
  gcs_base_path: setting(text, '', 'Python only: the folder of results in Google Cloud Storage.', {
    state: 'python',
  }),
  gcs_bucket: setting(nullable(text), null, 'Python only: the bucket of Google Cloud Storage.', {
    state: 'python',
  }),
  gcs_project: setting(nullable(text), null, 'Python only: the Google Cloud project.', {
    state: 'python',
  }),
  gcs_threadpool_maxsize: setting(
    nullable(anything),
    null,
    'Python only: how many threads delete from Google Cloud Storage.',
    { state: 'python' },
  ),
  gcs_ttl: setting(
    seconds,
    0,
    'Python only: seconds for which Google Cloud Storage keeps results; 0 is for ever.',
    { state: 'python' },
  ),
  s3_access_key_id: setting(nullable(text), null, 'Python only: the AWS access key for S3.', {
    state: 'python',
  }),
  s3_secret_access_key: setting(nullable(text), null, 'Python only: the AWS secret key for S3.', {
    state: 'python',
  }),
  s3_bucket: setting(nullable(text), null, 'Python only: the S3 bucket of results.', {
    state: 'python',
  }),
  s3_base_path: setting(nullable(text), null, 'Python only: the folder of results in S3.', {
    state: 'python',
  }),
  s3_endpoint_url: setting(nullable(text), null, 'Python only: where S3 is, when not at AWS.', {
    state: 'python',
  }),
  s3_region: setting(nullable(text), null, 'Python only: the AWS region of S3.', {
    state: 'python',
  }),
}
