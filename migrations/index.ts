import { CreateCeleryResults1795300010000 } from './1795300010000-create-celery-results.ts'
import { CreateTask1795300020000 } from './1795300020000-create-task.ts'
import { CreateMessage1795300030000 } from './1795300030000-create-message.ts'
import { CreateQuarantine1795300040000 } from './1795300040000-create-quarantine.ts'
import { CreatePickleValues1795300050000 } from './1795300050000-create-pickle-values.ts'
import { CreateUnpickle1795300060000 } from './1795300060000-create-unpickle.ts'
import { CreateReadResult1795300065000 } from './1795300065000-create-read-result.ts'
import { CreateTaskHistory1795300070000 } from './1795300070000-create-task-history.ts'
import { CreateChord1795300080000 } from './1795300080000-create-chord.ts'
import { CreateEvent1795400010000 } from './1795400010000-create-event.ts'
import { CreateWorker1795400020000 } from './1795400020000-create-worker.ts'
import { ExtendTask1795400030000 } from './1795400030000-extend-task.ts'
import { AddEventState1795400040000 } from './1795400040000-add-event-state.ts'
import { IndexUnfinished1795400050000 } from './1795400050000-index-unfinished.ts'
import { AbsorbResults1795400051000 } from './1795400051000-absorb-results.ts'
import { ExplainTaskHistory1795400052000 } from './1795400052000-explain-task-history.ts'
import { CreateTaskFamily1795400060000 } from './1795400060000-create-task-family.ts'
import { IndexTask1795400061000 } from './1795400061000-index-task.ts'
import { CreateTaskText1795400062000 } from './1795400062000-create-task-text.ts'
import { CreateGrants1795400063000 } from './1795400063000-create-grants.ts'
import { AddAltered1795400070000 } from './1795400070000-add-altered.ts'
import { CreateRedaction1795400071000 } from './1795400071000-create-redaction.ts'
import { CreateReplay1795400080000 } from './1795400080000-create-replay.ts'
import { CreateScheduled1795400090000 } from './1795400090000-create-scheduled.ts'
import { ExtendChord1795500010000 } from './1795500010000-extend-chord.ts'
import { TellWhatIsHeld1795500090000 } from './1795500090000-tell-what-is-held.ts'
import { TellWhatIsRefused1795600010000 } from './1795600010000-tell-what-is-refused.ts'
import { CountStepsOnce1795600020000 } from './1795600020000-count-steps-once.ts'
import { ExtendGrants1795600030000 } from './1795600030000-extend-grants.ts'
import { DateMigrations1795600031000 } from './1795600031000-date-migrations.ts'
import { CreateLease1795700010000 } from './1795700010000-create-lease.ts'
import { HandOverChord1795700020000 } from './1795700020000-hand-over-chord.ts'
import { WeighEvidence1796000010000 } from './1796000010000-weigh-evidence.ts'
import { ShowStates1796000020000 } from './1796000020000-show-states.ts'
import { IndexAnyLength1796000030000 } from './1796000030000-index-any-length.ts'
import { CreateFlows1797000010000 } from './1797000010000-create-flows.ts'
import { AskWorkers1797000020000 } from './1797000020000-ask-workers.ts'
import { KeepDoubts1797000030000 } from './1797000030000-keep-doubts.ts'

/** Every step of the schema, in order; a released one is never edited. Fit for any DataSource of TypeORM, which takes no readonly list. */
export const migrations = [
  CreateCeleryResults1795300010000,
  CreateTask1795300020000,
  CreateMessage1795300030000,
  CreateQuarantine1795300040000,
  CreatePickleValues1795300050000,
  CreateUnpickle1795300060000,
  CreateReadResult1795300065000,
  CreateTaskHistory1795300070000,
  CreateChord1795300080000,
  CreateEvent1795400010000,
  CreateWorker1795400020000,
  ExtendTask1795400030000,
  AddEventState1795400040000,
  IndexUnfinished1795400050000,
  AbsorbResults1795400051000,
  ExplainTaskHistory1795400052000,
  CreateTaskFamily1795400060000,
  IndexTask1795400061000,
  CreateTaskText1795400062000,
  CreateGrants1795400063000,
  AddAltered1795400070000,
  CreateRedaction1795400071000,
  CreateReplay1795400080000,
  CreateScheduled1795400090000,
  ExtendChord1795500010000,
  TellWhatIsHeld1795500090000,
  TellWhatIsRefused1795600010000,
  CountStepsOnce1795600020000,
  ExtendGrants1795600030000,
  DateMigrations1795600031000,
  CreateLease1795700010000,
  HandOverChord1795700020000,
  WeighEvidence1796000010000,
  ShowStates1796000020000,
  IndexAnyLength1796000030000,
  CreateFlows1797000010000,
  AskWorkers1797000020000,
  KeepDoubts1797000030000,
]
