import {
  anything,
  boolean,
  count,
  dict,
  either,
  nullable,
  seconds,
  text,
} from '../resolve/value-types.ts'
import { setting } from '../setting.ts'

export const beatSettings = {
  beat_schedule: setting(
    dict,
    {},
    'The periodic tasks: a dict by name of task, schedule, args and so on.',
    { state: 'planned' },
  ),
  beat_scheduler: setting(
    text,
    'celery.beat:PersistentScheduler',
    "Python's beat only: its class of scheduler.",
    { state: 'python' },
  ),
  beat_schedule_filename: setting(
    text,
    'celerybeat-schedule',
    "Python's beat only: the file that keeps when tasks last ran.",
    { state: 'python' },
  ),
  beat_sync_every: setting(
    count,
    0,
    "Python's beat only: how many tasks it sends between two writes of that file.",
    { state: 'python' },
  ),
  beat_max_loop_interval: setting(
    seconds,
    0,
    'The most seconds between two checks of the schedule; 0 lets the scheduler choose.',
    { state: 'planned' },
  ),
  beat_cron_starting_deadline: setting(
    nullable(count),
    null,
    'How many seconds late a cron task may still be sent.',
    { state: 'planned' },
  ),
  beat_enable_remote_control: setting(boolean, false, 'Let beat answer remote control.', {
    since: '5.7',
    state: 'planned',
  }),
  beat_remote_control_max_tick_age: setting(
    nullable(seconds),
    null,
    'The age in seconds at which the last tick of beat counts as too old.',
    { since: '5.7', state: 'planned' },
  ),
  beat_logfile: setting(nullable(text), null, 'The log file of a detached beat.', {
    state: 'python',
  }),
  beat_pidfile: setting(nullable(text), null, 'The pid file of a detached beat.', {
    state: 'python',
  }),
  beat_uid: setting(nullable(either(count, text)), null, 'The user a detached beat becomes.', {
    state: 'python',
  }),
  beat_gid: setting(nullable(either(count, text)), null, 'The group a detached beat becomes.', {
    state: 'python',
  }),
  beat_umask: setting(nullable(either(count, text)), null, 'The umask of a detached beat.', {
    state: 'python',
  }),
  beat_executable: setting(nullable(anything), null, 'The program that runs a detached beat.', {
    state: 'python',
  }),
}
