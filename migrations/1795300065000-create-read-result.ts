import type { MigrationInterface, QueryRunner } from 'typeorm'

/** monitor.read_result: a stored result as jsonb, be it the pickle of Celery up to 5.6 or the JSON text of 5.7. */
export class CreateReadResult1795300065000 implements MigrationInterface {
  readonly name = 'CreateReadResult1795300065000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    for (const statement of [
      WITHOUT_STRINGS,
      IS_JSON,
      TYPED_BYTES,
      PLAIN_JSON,
      READ_JSON,
      READ_RESULT,
    ])
      await runner.query(statement)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION monitor.read_result(bytea);
      DROP FUNCTION monitor.read_json(bytea);
      DROP FUNCTION monitor.plain_json(text, text);
      DROP FUNCTION monitor.typed_bytes(text);
      DROP FUNCTION monitor.without_strings(text);
      DROP FUNCTION monitor.is_json(text);
    `)
  }
}

// As with pickle (see create-pickle-values) no function here may raise, and none may catch. A cast to jsonb raises, so
// it is made only of text that was found to be JSON, and PostgreSQL before 16 has nothing that finds that out.

/**
 * Takes JSON whose strings are gone (see READ_JSON: one \\x01 each). Scalars become \\x02, then the innermost lists
 * and objects do, and so on outwards: JSON ends as one single mark. NULL where it is nested too deep to tell.
 */
const IS_JSON = String.raw`
  CREATE OR REPLACE FUNCTION monitor.is_json(outline text) RETURNS boolean
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
  DECLARE
    rest text := regexp_replace(outline,
      '-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?|true|false|null|NaN|-?Infinity', E'\x02', 'g');
    size integer;
  BEGIN
    rest := regexp_replace(rest, '[ \t\r\n]+', '', 'g');
    FOR depth IN 0 .. 500 LOOP
      size := length(rest);
      IF size <= 1 THEN RETURN rest IN (E'\x01', E'\x02'); END IF;
      rest := regexp_replace(rest, '\[(?:[\u0001\u0002](?:,[\u0001\u0002])*)?\]'
        || '|\{(?:\u0001:[\u0001\u0002](?:,\u0001:[\u0001\u0002])*)?\}', E'\x02', 'g');
      IF length(rest) = size THEN RETURN false; END IF;
    END LOOP;
    RETURN NULL;
  END $$`

/** JSON with one mark for each string; what is left of a broken string is no JSON. (JSON is a keyword since PostgreSQL 17.) */
const WITHOUT_STRINGS = String.raw`
  CREATE OR REPLACE FUNCTION monitor.without_strings(source text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(source,
      '"(?:[^"\\\u0001-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"', E'\x01', 'g')
  $$`

/** The bytes that kombu wrote as a string, for they were UTF-8; a NUL among them is one, not U+FFFD. */
const TYPED_BYTES = String.raw`
  CREATE OR REPLACE FUNCTION monitor.typed_bytes(quoted text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '{"__bytes__": "' || replace(encode(coalesce(string_agg(
        convert_to(('"' || part || '"')::jsonb #>> '{}', 'UTF8'), '\x00'::bytea ORDER BY i), ''), 'base64'), E'\n', '') || '"}'
    FROM unnest(string_to_array(substr(quoted, 2, length(quoted) - 2), '\u0000')) WITH ORDINALITY AS t(part, i)
  $$`

/**
 * What jsonb has no room for, in the forms that monitor.unpickle gives: typed values, which are looked for in the way
 * kombu writes them, NaN and the infinities, NUL and lone surrogates, floats that are whole. A typed value that makes
 * no sense stays as it is.
 */
const PLAIN_JSON = String.raw`
  CREATE OR REPLACE FUNCTION monitor.plain_json(source text, outline text) RETURNS text
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
  DECLARE
    -- In this notation each backslash starts an escape.
    plain text := replace(source, '\\', '\u005c');
    typed constant text := '\{\s*"__type__"\s*:\s*"(?:%s)"\s*,\s*"__value__"\s*:\s*%s\s*\}';
  BEGIN
    plain := regexp_replace(plain, '\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])', '\ufffd', 'g');
    plain := regexp_replace(plain, '(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\ufffd', 'g');

    -- A quote inside a string has a backslash before it, so none of these is found inside one.
    IF position('"__type__"' IN plain) > 0 THEN
      IF position('"bytes"' IN plain) > 0 THEN
        plain := (SELECT string_agg(CASE WHEN m[2] IS NULL THEN m[1] ELSE monitor.typed_bytes(m[2]) END, '' ORDER BY i)
          FROM regexp_matches(plain, '(' || format(typed, 'bytes', '("(?:[^"\\]|\\.)*")') || '|[^{]+|\{)', 'g')
            WITH ORDINALITY AS t(m, i));
      END IF;
      plain := regexp_replace(plain, format(typed, 'base64', '("[A-Za-z0-9+/=]*")'), '{"__bytes__": \1}', 'g');
      plain := regexp_replace(plain, format(typed, 'datetime|time|decimal', '("[^"\\]*")'), '\1', 'g');
      plain := regexp_replace(plain, format(typed, 'date', '("[0-9]{4}-[0-9]{2}-[0-9]{2})[^"\\]*"'), '\1"', 'g');
      plain := regexp_replace(plain, format(typed, 'uuid', '\{\s*"hex"\s*:\s*'
        || '"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})"\s*\}'), '"\1-\2-\3-\4-\5"', 'g');
    END IF;
    plain := replace(plain, '\u0000', '\ufffd');

    IF outline ~ 'NaN|Infinity|\.0+(?![0-9eE])' THEN
      plain := (SELECT string_agg(
          CASE WHEN m[1] IN ('NaN', 'Infinity', '-Infinity') THEN '"' || m[1] || '"' WHEN m[1] LIKE '.0%' THEN '' ELSE m[1] END,
          '' ORDER BY i)
        FROM regexp_matches(plain, '"(?:[^"\\]|\\.)*"|NaN|-?Infinity|\.0+(?![0-9eE])|[^"NI.-]+|.', 'g')
          WITH ORDINALITY AS t(m, i));
    END IF;
    RETURN plain;
  END $$`

const READ_JSON = String.raw`
  CREATE OR REPLACE FUNCTION monitor.read_json(stored bytea) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
  DECLARE
    bytes constant bytea := stored || ''::bytea; -- unpacked once
    unknown constant jsonb := '{"__unreadable__": "neither pickle nor JSON"}';
    source text;
    outline text;
    found boolean;
  BEGIN
    IF bytes IS NULL THEN RETURN NULL; END IF;
    IF octet_length(bytes) > 33554432 THEN RETURN jsonb_build_object('__unreadable__', 'longer than 32 MB'); END IF;
    IF getdatabaseencoding() <> 'UTF8' THEN
      RETURN jsonb_build_object('__unreadable__', 'the database is not in UTF8');
    END IF;
    IF position('\x00'::bytea IN bytes) > 0 THEN RETURN unknown; END IF;
    source := monitor.pickle_text(bytes);
    IF source IS NULL OR source ~ '[\u0001-\u0008\u000b\u000c\u000e-\u001f]' THEN RETURN unknown; END IF;
    outline := monitor.without_strings(source);
    found := monitor.is_json(outline);
    IF found IS NULL THEN RETURN jsonb_build_object('__unreadable__', 'nested deeper than 500'); END IF;
    IF NOT found THEN RETURN unknown; END IF;
    IF length(outline) > 10000 AND EXISTS (SELECT FROM regexp_matches(outline, '[0-9.]{255,}', 'g') m
      WHERE length(m[1]) > 10000) THEN
      RETURN jsonb_build_object('__unreadable__', 'a number of more than 10000 digits');
    END IF;
    RETURN monitor.plain_json(source, outline)::jsonb;
  END $$`

/**
 * Scalars, and lists and objects of them up to two deep, without an escape, a float that is whole or has an exponent:
 * what the cast to jsonb takes as it is.
 */
const SCALAR = String.raw`(?:"[^"\\\u0001-\u001f]*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?|true|false|null)`
const SHALLOW = containing(SCALAR)
const PLAIN = containing(SHALLOW)

function containing(inner: string): string {
  const member = String.raw`"[^"\\\u0001-\u001f]*": ?${inner}`
  return String.raw`(?:${SCALAR}|\[(?:(?:${inner}, ?)*${inner})?\]|\{(?:(?:${member}, ?)*${member})?\})`
}

/**
 * A pickle of protocol 2 and later starts with 0x80, one of any protocol ends with a full stop, and JSON does neither.
 * As monitor.unpickle, this is an expression that the planner puts in place; most results are read without a call.
 */
const READ_RESULT = `
  CREATE OR REPLACE FUNCTION monitor.read_result(stored bytea) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN stored IS NULL THEN NULL
      WHEN octet_length(stored) = 0 THEN monitor.read_json(stored)
      WHEN get_byte(stored, 0) = 128 OR get_byte(stored, octet_length(stored) - 1) = 46 THEN monitor.unpickle(stored)
      WHEN octet_length(stored) < 2000 AND position('__type__'::bytea IN stored) = 0
        -- "escape" shows plain ASCII as it is, and all else with a backslash.
        AND encode(stored, 'escape') ~ '^${PLAIN}$' THEN encode(stored, 'escape')::jsonb
      ELSE monitor.read_json(stored)
    END
  $$`
