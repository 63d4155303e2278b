-- JSON text as jsonb. As with pickle, no function here may raise, and none may catch.

-- JSON with one \x01 for each string; what is left of a broken string is no JSON. (JSON is a keyword since PostgreSQL
-- 17.)
CREATE OR REPLACE FUNCTION monitor.without_strings(source text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT regexp_replace(source,
    '"(?:[^"\\\u0001-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"', E'\x01', 'g')
$$;

-- Takes JSON without its strings (see without_strings). Scalars become \x02, then the innermost lists and objects do,
-- and so on outwards: JSON ends as one single mark. NULL where it is nested too deep to tell.
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
END $$;

-- The bytes that kombu wrote as a string, for they were UTF-8; a NUL among them is one, not U+FFFD.
CREATE OR REPLACE FUNCTION monitor.typed_bytes(quoted text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT '{"__bytes__": "' || replace(encode(coalesce(string_agg(
      convert_to(('"' || part || '"')::jsonb #>> '{}', 'UTF8'), '\x00'::bytea ORDER BY i), ''), 'base64'), E'\n', '') || '"}'
  FROM unnest(string_to_array(substr(quoted, 2, length(quoted) - 2), '\u0000')) WITH ORDINALITY AS t(part, i)
$$;

-- Values that jsonb has no room for, in the forms that monitor.unpickle gives: typed values, as kombu writes them, NaN
-- and the infinities, NUL and lone surrogates, floats that are whole. A typed value that makes no sense stays as it
-- is.
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
END $$;

-- JSON text as jsonb, without ever raising: a cast to jsonb raises, so only text that was found to be JSON is cast,
-- and PostgreSQL before 16 has nothing that finds that out.
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
END $$;
