import {
  anything,
  boolean,
  count,
  either,
  nullable,
  number,
  oneOf,
  positiveInteger,
  seconds,
  text,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

const level = oneOf('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')

export const workerSettings = {
  worker_agent: setting(nullable(text), null, "Python's worker only: its class of agent.", {
    state: 'python',
  }),
  worker_autoscaler: setting(
    text,
    'celery.worker.autoscale:Autoscaler',
    "Python's worker only: its class of autoscaler.",
    { state: 'python' },
  ),
  worker_cancel_long_running_tasks_on_connection_loss: setting(
    boolean,
    false,
    'Cancel late-acked tasks that still run when the connection is lost.',
  ),
  worker_concurrency: setting(
    nullable(positiveInteger),
    null,
    'How many tasks one worker runs at a time; None lets the pool choose.',
  ),
  worker_consumer: setting(
    text,
    'celery.worker.consumer:Consumer',
    "Python's worker only: its class of consumer.",
    { state: 'python' },
  ),
  worker_deduplicate_successful_tasks: setting(
    boolean,
    false,
    'Before running a redelivered late-acked task, check whether it has succeeded already.',
  ),
  worker_detect_quorum_queues: setting(
    boolean,
    true,
    "Python's worker only: prefetch by consumer where a queue is a quorum queue; ours always does.",
    { state: 'python' },
  ),
  worker_direct: setting(boolean, false, 'Give each worker a queue of its own.'),
  worker_disable_prefetch: setting(
    boolean,
    false,
    'Take a message only when there is a free slot for it, by asking the queues in turn.',
  ),
  worker_disable_rate_limits: setting(boolean, false, 'Ignore the rate limits of tasks.'),
  worker_enable_prefetch_count_reduction: setting(
    boolean,
    true,
    "Python's worker only: take fewer messages after a lost connection; ours recognises messages that come again while it runs them.",
    { state: 'python' },
  ),
  worker_enable_remote_control: setting(boolean, true, 'Answer inspect and control.'),
  worker_enable_soft_shutdown_on_idle: setting(
    boolean,
    false,
    'Wait for the soft shutdown even when no task runs.',
  ),
  worker_eta_task_limit: setting(
    nullable(count),
    null,
    'The most messages with an eta held at a time.',
  ),
  worker_hijack_root_logger: setting(
    boolean,
    true,
    'Let the worker set up logging; SETUP_FILE_LOGGING turns it off.',
  ),
  worker_log_color: setting(nullable(boolean), null, 'Colour the log; None looks for a terminal.'),
  worker_log_format: setting(
    text,
    '[%(asctime)s: %(levelname)s/%(processName)s] %(message)s',
    "Python's worker only: the format of a log line.",
    { state: 'python' },
  ),
  worker_log_datefmt: setting(
    nullable(text),
    null,
    "Python's worker only: the format of times in the log.",
    { since: '5.7', state: 'python' },
  ),
  worker_lost_wait: setting(
    seconds,
    10,
    'Seconds to wait for the last output of a process of the pool that died.',
  ),
  worker_max_memory_per_child: setting(
    nullable(count),
    null,
    'Kilobytes of memory above which a process of the pool is replaced.',
  ),
  worker_max_tasks_per_child: setting(
    nullable(positiveInteger),
    null,
    'How many tasks a process of the pool runs before it is replaced.',
  ),
  worker_pool: setting(
    text,
    'prefork',
    'The pool that runs tasks: async, threads or processes; prefork means processes, gevent, eventlet and solo mean async. If it is not set, ours is async.',
  ),
  worker_pool_putlocks: setting(
    boolean,
    true,
    "Python's worker only: hand a task to the pool when a process is free.",
    { state: 'python' },
  ),
  worker_pool_restarts: setting(boolean, false, 'Let remote control restart the pool.'),
  worker_pool_start_method: setting(
    oneOf('fork', 'spawn', 'forkserver'),
    'fork',
    "Python's worker only: how the processes of its pool are started.",
    { since: '5.7', state: 'python' },
  ),
  worker_prefetch_multiplier: setting(
    count,
    4,
    'How many messages a worker holds for each slot; 0 is unlimited.',
  ),
  worker_proc_alive_timeout: setting(
    seconds,
    4,
    'Seconds that a child of the pool may take to start. If it is not set, ours may take 60, as it loads the app.',
  ),
  worker_redirect_stdouts: setting(
    boolean,
    true,
    "Python's worker only: write what tasks print to the log.",
    { state: 'python' },
  ),
  worker_redirect_stdouts_level: setting(
    either(level, count),
    'WARNING',
    "Python's worker only: the level at which printed text is logged.",
    { state: 'python' },
  ),
  worker_send_task_events: setting(boolean, false, 'Send events about tasks, for monitors.'),
  worker_soft_shutdown_timeout: setting(
    seconds,
    0,
    'Seconds that running tasks have after SIGQUIT, or a second Ctrl-C, before they are abandoned.',
  ),
  worker_state_db: setting(
    nullable(text),
    null,
    'The file that keeps revoked task ids across restarts.',
  ),
  worker_task_log_format: setting(
    text,
    '[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s',
    "Python's worker only: the format of a log line that a task writes.",
    { state: 'python' },
  ),
  worker_task_log_datefmt: setting(
    nullable(text),
    null,
    "Python's worker only: the format of times in the log of tasks.",
    { since: '5.7', state: 'python' },
  ),
  worker_timer: setting(nullable(anything), null, "Python's worker only: its class of timer.", {
    state: 'python',
  }),
  worker_timer_precision: setting(
    number,
    1,
    "Python's worker only: the most seconds its timer sleeps.",
    { state: 'python' },
  ),
  worker_logfile: setting(
    nullable(text),
    null,
    "Python's worker only: its log file when detached.",
    {
      state: 'python',
    },
  ),
  worker_pidfile: setting(
    nullable(text),
    null,
    "Python's worker only: its pid file when detached.",
    {
      state: 'python',
    },
  ),
  worker_uid: setting(
    nullable(either(count, text)),
    null,
    "Python's worker only: the user it becomes when detached.",
    {
      state: 'python',
    },
  ),
  worker_gid: setting(
    nullable(either(count, text)),
    null,
    "Python's worker only: the group it becomes when detached.",
    {
      state: 'python',
    },
  ),
  worker_umask: setting(
    nullable(either(count, text)),
    null,
    "Python's worker only: its umask when detached.",
    {
      state: 'python',
    },
  ),
  worker_executable: setting(
    nullable(text),
    null,
    "Python's worker only: the program that runs it when detached.",
    {
      state: 'python',
    },
  ),
}
