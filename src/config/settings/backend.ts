import { setting } from '../setting.ts'
import {
  anything,
  boolean,
  count,
  dict,
  nullable,
  oneOf,
  port,
  positiveInteger,
  seconds,
  text,
} from '../value-types.ts'

/** The result backends that the toolbox speaks to, and those of Python's database family. */
export const backendSettings = {
  database_url: setting(
    nullable(text),
    null,
    'The database of results, without the db+ before it.',
  ),
  database_engine_options: setting(
    dict,
    { pool_pre_ping: true, pool_recycle: 3600 },
    "Python only: options of SQLAlchemy's engine.",
  ),
  database_engine_callback: setting(
    anything,
    null,
    'Python only: called with each engine that SQLAlchemy makes.',
    { since: '5.7' },
  ),
  database_short_lived_sessions: setting(
    boolean,
    false,
    'Python only: use a connection for one operation.',
  ),
  database_table_schemas: setting(
    nullable(dict),
    null,
    'The schemas of the tables of results: a dict with task and group.',
  ),
  database_table_names: setting(
    nullable(dict),
    null,
    'The names of the tables of results: a dict with task and group.',
  ),
  database_create_tables_at_setup: setting(
    boolean,
    true,
    'Create the tables of results when the backend is set up.',
  ),
  redis_backend_use_ssl: setting(nullable(dict), null, 'TLS options for Redis.'),
  redis_backend_health_check_interval: setting(
    nullable(seconds),
    null,
    'Seconds between two checks of a Redis connection.',
  ),
  redis_backend_credential_provider: setting(
    anything,
    null,
    'Python only: the class that fetches credentials for Redis.',
  ),
  redis_client_name: setting(nullable(text), null, 'The name that connections show to Redis.'),
  redis_db: setting(nullable(count), null, 'The number of the Redis database.'),
  redis_host: setting(nullable(text), null, 'The host of Redis.'),
  redis_max_connections: setting(nullable(positiveInteger), null, 'The most connections to Redis.'),
  redis_username: setting(nullable(text), null, 'The user at Redis.'),
  redis_password: setting(nullable(text), null, 'The password at Redis.'),
  redis_port: setting(nullable(port), null, 'The port of Redis.'),
  redis_retry_on_timeout: setting(boolean, false, 'Try again when Redis takes too long.'),
  redis_socket_connect_timeout: setting(
    nullable(seconds),
    null,
    'Seconds to wait for a connection to Redis.',
  ),
  redis_socket_keepalive: setting(boolean, false, 'Keep connections to Redis alive by TCP.'),
  redis_socket_timeout: setting(nullable(seconds), 120, 'Seconds to wait for an answer of Redis.'),
  cache_backend: setting(nullable(text), null, 'The cache that keeps results, e.g. memory.'),
  cache_backend_options: setting(dict, {}, 'Options of that cache.'),
  mongodb_backend_settings: setting(
    nullable(dict),
    null,
    'Python only: where and how MongoDB keeps results.',
  ),
  elasticsearch_max_retries: setting(
    nullable(count),
    null,
    'Python only: how often Elasticsearch is tried again.',
  ),
  elasticsearch_retry_on_timeout: setting(
    nullable(boolean),
    null,
    'Python only: try again when Elasticsearch takes too long.',
  ),
  elasticsearch_timeout: setting(
    nullable(seconds),
    null,
    'Python only: seconds to wait for Elasticsearch.',
  ),
  elasticsearch_save_meta_as_text: setting(
    boolean,
    true,
    'Python only: keep results in Elasticsearch as text.',
  ),
  couchbase_backend_settings: setting(
    nullable(dict),
    null,
    'Python only: where and how Couchbase keeps results.',
  ),
  arangodb_backend_settings: setting(
    nullable(dict),
    null,
    'Python only: where and how ArangoDB keeps results.',
  ),
  cosmosdbsql_database_name: setting(
    text,
    'celerydb',
    'Python only: the Cosmos DB database of results.',
  ),
  cosmosdbsql_collection_name: setting(
    text,
    'celerycol',
    'Python only: the Cosmos DB collection of results.',
  ),
  cosmosdbsql_consistency_level: setting(
    oneOf('Strong', 'BoundedStaleness', 'Session', 'ConsistentPrefix', 'Eventual'),
    'Session',
    'Python only: how consistent Cosmos DB reads are.',
  ),
  cosmosdbsql_max_retry_attempts: setting(
    count,
    9,
    'Python only: how often Cosmos DB is tried again.',
  ),
  cosmosdbsql_max_retry_wait_time: setting(
    seconds,
    30,
    'Python only: the most seconds Cosmos DB is tried again.',
  ),
}
