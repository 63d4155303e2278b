import type { MigrationInterface, QueryRunner } from 'typeorm'
import { IN_WORDS as IN_WORDS_BEFORE } from './1795400052000-explain-task-history.ts'
import {
  FOLLOW_UP_IDS as FOLLOW_UP_IDS_BEFORE,
  familyView,
  HAS_RESULT as HAS_RESULT_BEFORE,
  IS_FIRST as IS_FIRST_BEFORE,
} from './1795400060000-create-task-family.ts'

/**
 * Only what is to be published is a step to come; a family has a root, and the results of what is over; of a time that
 * nobody knows, no span is told.
 */
export class CountStepsOnce1795600020000 implements MigrationInterface {
  readonly name = 'CountStepsOnce1795600020000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(FOLLOW_UP_IDS)
    await runner.query(familyView(IS_FIRST, HAS_RESULT))
    await runner.query(IN_WORDS)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(FOLLOW_UP_IDS_BEFORE)
    await runner.query(familyView(IS_FIRST_BEFORE, HAS_RESULT_BEFORE))
    await runner.query(IN_WORDS_BEFORE)
  }
}

/**
 * A group or a chord is never published itself: in Python both have the id of the group, here a chord has that of its
 * body. Errbacks come only if something fails, those of a later step too.
 */
const FOLLOW_UP_IDS = `
  CREATE OR REPLACE FUNCTION monitor.follow_up_ids(follow_ups jsonb) RETURNS SETOF text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 3 AS $$
    SELECT id #>> '{}'
    FROM jsonb_path_query(follow_ups, '$.** ? (!(@.kind == "group" || @.kind == "chord")).id') AS id
    EXCEPT
    SELECT id #>> '{}' FROM jsonb_path_query(follow_ups, '$.**.errbacks.**.id') AS id
  $$`

/** A task of which only its result is known does not say what its root is, though others may name it as theirs. */
const IS_FIRST = `root.task_id = root.root_id
    OR (root.root_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM monitor.task AS known
        WHERE known.task_id = root.root_id AND known.root_id = root.root_id)
      AND NOT EXISTS (SELECT FROM monitor.task AS earlier WHERE earlier.root_id = root.root_id
        AND (coalesce(earlier.published_at, 'infinity'), earlier.task_id)
          < (coalesce(root.published_at, 'infinity'), root.task_id)))`

/** What is stored before it is over tells how far it is, or why it is tried again. */
const HAS_RESULT = 'is_result AND monitor.state_class(status) = 2'

/** greatest() overlooks NULL, which would make it no time at all. */
const IN_WORDS = `
  CREATE OR REPLACE FUNCTION monitor.in_words(span interval) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN s < 100 THEN round(s) || ' s'
      WHEN s < 6000 THEN round(s / 60) || ' min'
      WHEN s < 172800 THEN round(s / 3600) || ' h'
      ELSE round(s / 86400) || ' days'
    END
    FROM (SELECT CASE WHEN span IS NOT NULL
      THEN greatest(extract(epoch FROM span), 0)::numeric END AS s) AS seconds
  $$`
