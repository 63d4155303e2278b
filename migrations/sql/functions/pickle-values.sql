-- The single values of a pickle, for monitor.unpickle: text, numbers, and the classes that stand for plain values.
-- No function here may raise, and none may catch: a block with EXCEPTION cannot run in a parallel worker. So each
-- checks its arguments first, and returns NULL for what it cannot read.

-- UTF-8 to text. PostgreSQL's text holds neither NUL nor a lone surrogate: U+FFFD stands for them.
CREATE OR REPLACE FUNCTION monitor.pickle_text(bytes bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  clean bytea := bytes;
  latin text;
  utf8 constant text := '^(?:[\u0001-\u007f]|[\u00c2-\u00df][\u0080-\u00bf]|\u00e0[\u00a0-\u00bf][\u0080-\u00bf]'
    || '|[\u00e1-\u00ec\u00ee\u00ef][\u0080-\u00bf]{2}|\u00ed[\u0080-\u009f][\u0080-\u00bf]'
    || '|\u00f0[\u0090-\u00bf][\u0080-\u00bf]{2}|[\u00f1-\u00f3][\u0080-\u00bf]{3}|\u00f4[\u0080-\u008f][\u0080-\u00bf]{2})*$';
BEGIN
  IF position('\x00'::bytea IN clean) > 0 THEN
    -- In this notation a doubled backslash is one that stands for itself; once those are gone, \000 is unambiguous.
    clean := decode(replace(replace(encode(clean, 'escape'), '\\', '\134'), '\000', '\357\277\275'), 'escape');
  END IF;
  latin := convert_from(clean, 'LATIN1');
  IF latin ~ '^[\u0001-\u007f]*$' THEN RETURN latin; END IF;
  IF latin ~ utf8 THEN RETURN convert_from(clean, 'UTF8'); END IF;
  latin := regexp_replace(latin, '\u00ed[\u00a0-\u00bf][\u0080-\u00bf]', E'\u00ef\u00bf\u00bd', 'g');
  IF latin ~ utf8 THEN RETURN convert_from(convert_to(latin, 'LATIN1'), 'UTF8'); END IF;
  RETURN NULL;
END $$;

-- The escapes of protocol 0's text: \uXXXX and \UXXXXXXXX, everything else as it stands.
CREATE OR REPLACE FUNCTION monitor.pickle_raw_unicode(escaped text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(string_agg(
    CASE
      WHEN code IS NULL THEN part
      WHEN code BETWEEN 1 AND 55295 OR code BETWEEN 57344 AND 1114111 THEN chr(code)
      ELSE E'\uFFFD'
    END, '' ORDER BY place), '')
  FROM (
    SELECT m[1] AS part, place,
      CASE WHEN m[1] ~ '^\\[uU]' THEN ('x' || lpad(substr(m[1], 3), 8, '0'))::bit(32)::integer END AS code
    FROM regexp_matches(escaped, '\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|[^\\]+|\\', 'g') WITH ORDINALITY AS t(m, place)
  ) parts
$$;

-- Two's complement, the lowest byte first, of any length.
CREATE OR REPLACE FUNCTION monitor.pickle_integer(bytes bytea) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  size constant integer := octet_length(bytes);
  -- The sign: what stands above the highest byte is all zeros or all ones.
  value numeric := CASE WHEN size > 0 AND get_byte(bytes, size - 1) > 127 THEN -1 ELSE 0 END;
BEGIN
  FOR i IN REVERSE size - 1 .. 0 LOOP
    value := value * 256 + get_byte(bytes, i);
  END LOOP;
  RETURN value;
END $$;

-- An IEEE double, the highest byte first; what JSON has no number for becomes text.
CREATE OR REPLACE FUNCTION monitor.pickle_float(bytes bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  exponent integer := (get_byte(bytes, 0) & 127) * 16 + (get_byte(bytes, 1) >> 4);
  mantissa bigint := get_byte(bytes, 1) & 15;
  sign double precision := CASE WHEN get_byte(bytes, 0) > 127 THEN -1 ELSE 1 END;
BEGIN
  FOR i IN 2 .. 7 LOOP mantissa := mantissa * 256 + get_byte(bytes, i); END LOOP;
  IF exponent = 2047 THEN
    RETURN to_jsonb(CASE WHEN mantissa > 0 THEN 'NaN' WHEN sign < 0 THEN '-Infinity' ELSE 'Infinity' END);
  END IF;
  IF exponent = 0 THEN exponent := 1; ELSE mantissa := mantissa + 4503599627370496; END IF;
  RETURN to_jsonb(sign * mantissa * power(2::double precision, exponent - 1075));
END $$;

-- The bytes of {"__bytes__": base64}; NULL for anything else.
CREATE OR REPLACE FUNCTION monitor.pickle_bytes(value jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value->>'__bytes__' ~ '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'
    THEN decode(value->>'__bytes__', 'base64')
  END
$$;

-- The packed forms of datetime, date and time as ISO text, with the zone's offset (or its name in brackets).
CREATE OR REPLACE FUNCTION monitor.pickle_datetime(class text, packed bytea, zone jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  day text := '';
  clock bytea := packed;
  micros integer;
  parts integer[];
BEGIN
  IF octet_length(packed) IS DISTINCT FROM (CASE class
    WHEN 'datetime.datetime' THEN 10 WHEN 'datetime.date' THEN 4 ELSE 6 END) THEN
    RETURN NULL;
  END IF;
  IF class <> 'datetime.time' THEN
    -- The highest bit of the month is "fold", the second of two equal hours.
    day := lpad((get_byte(packed, 0) * 256 + get_byte(packed, 1))::text, 4, '0')
      || '-' || lpad((get_byte(packed, 2) & 127)::text, 2, '0') || '-' || lpad(get_byte(packed, 3)::text, 2, '0');
    IF class = 'datetime.date' THEN RETURN day; END IF;
    clock := substring(packed FROM 5);
    day := day || 'T';
  END IF;
  parts := ARRAY[get_byte(clock, 0) & 127, get_byte(clock, 1), get_byte(clock, 2)];
  micros := get_byte(clock, 3) * 65536 + get_byte(clock, 4) * 256 + get_byte(clock, 5);
  RETURN day
    || lpad(parts[1]::text, 2, '0') || ':' || lpad(parts[2]::text, 2, '0') || ':' || lpad(parts[3]::text, 2, '0')
    || CASE WHEN micros > 0 THEN '.' || lpad(micros::text, 6, '0') ELSE '' END
    || CASE
      WHEN zone IS NULL OR jsonb_typeof(zone) = 'null' THEN ''
      WHEN zone #>> '{}' ~ '^[+-][0-9:]+$' THEN zone #>> '{}'
      WHEN jsonb_typeof(zone) = 'string' THEN '[' || (zone #>> '{}') || ']'
      ELSE '[' || coalesce(zone->>'__class__', 'unknown zone') || ']'
    END;
END $$;

-- A UUID as text, of the number that Python pickles; NULL for a number that is none.
CREATE OR REPLACE FUNCTION monitor.pickle_uuid(number numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN number >= 0 AND number < 2::numeric ^ 128 THEN
    (SELECT string_agg(lpad(to_hex(mod(div(number, 4294967296::numeric ^ word), 4294967296)::bigint), 8, '0'),
      '' ORDER BY word DESC) FROM generate_series(0, 3) word)::uuid::text
  END
$$;

-- The plain value that a class called with arguments stands for, where we know it; else the name of the class and the
-- arguments.
CREATE OR REPLACE FUNCTION monitor.pickle_instance(class text, args jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  generic constant jsonb := jsonb_build_object('__class__', class, 'args', args);
  seconds numeric;
  plain jsonb;
BEGIN
  IF class IN ('datetime.datetime', 'datetime.date', 'datetime.time') THEN
    plain := to_jsonb(monitor.pickle_datetime(class, monitor.pickle_bytes(args->0), args->1));
  ELSIF class = 'datetime.timezone' THEN
    IF jsonb_typeof(args #> '{0,args,0}') = 'number' AND jsonb_typeof(args #> '{0,args,1}') = 'number' THEN
      seconds := (args #>> '{0,args,0}')::numeric * 86400 + (args #>> '{0,args,1}')::numeric;
      IF abs(seconds) < 86400 THEN
        plain := to_jsonb(CASE WHEN seconds < 0 THEN '-' ELSE '+' END
          || regexp_replace(to_char(make_interval(secs => abs(seconds)::double precision), 'HH24:MI:SS'), ':00$', ''));
      END IF;
    END IF;
  ELSIF class IN ('pytz._UTC', 'dateutil.tz.tz.tzutc') THEN plain := '"+00:00"';
  ELSIF class IN ('zoneinfo.ZoneInfo._unpickle', 'pytz._p', 'decimal.Decimal') THEN
    IF jsonb_typeof(args->0) = 'string' THEN plain := args->0; END IF;
  ELSIF class = 'uuid.UUID' THEN plain := NULL;
  ELSIF class IN ('builtins.set', 'builtins.frozenset', 'collections.deque', 'builtins.list', 'builtins.tuple') THEN
    plain := CASE jsonb_typeof(args->0) WHEN 'array' THEN args->0 ELSE CASE args WHEN '[]' THEN args END END;
  ELSIF class IN ('collections.OrderedDict', 'collections.Counter', 'builtins.dict') THEN
    plain := CASE jsonb_typeof(args->0) WHEN 'object' THEN args->0 ELSE CASE args WHEN '[]' THEN '{}'::jsonb END END;
  ELSIF class = 'collections.defaultdict' THEN plain := '{}';
  ELSIF class IN ('builtins.bytes', 'builtins.bytearray') THEN
    plain := CASE WHEN args = '[]' THEN '{"__bytes__": ""}'::jsonb
      WHEN args->0 ? '__bytes__' THEN args->0
      WHEN args->>1 ~ '^latin' THEN monitor.pickle_instance('_codecs.encode', args) END;
  ELSIF class = '_codecs.encode' THEN
    -- How protocols 0 to 2 write bytes: one character a byte. U+FFFD came from a NUL, see pickle_text.
    IF args->>1 ~ '^latin' AND args->>0 ~ '^[\u0001-\u00ff\uFFFD]*$' THEN
      plain := jsonb_build_object('__bytes__', replace(encode(
        (SELECT coalesce(decode(string_agg(
          CASE c WHEN E'\uFFFD' THEN '00' ELSE lpad(to_hex(ascii(c)), 2, '0') END, '' ORDER BY i), 'hex'), '')
        FROM unnest(string_to_array(args->>0, NULL)) WITH ORDINALITY AS t(c, i)), 'base64'), E'\n', ''));
    END IF;
  ELSIF class = 'builtins.getattr' AND jsonb_typeof(args->1) = 'string' AND args->0 ? '__class__' THEN
    RETURN jsonb_build_object('__class__', (args #>> '{0,__class__}') || '.' || (args->>1));
  ELSIF class = 'copyreg._reconstructor' THEN
    RETURN jsonb_build_object('__class__', coalesce(args #>> '{0,__class__}', '?'),
      'args', CASE jsonb_typeof(args->2) WHEN 'null' THEN '[]' ELSE jsonb_build_array(args->2) END);
  ELSIF class = 'copyreg.__newobj__' AND args #>> '{0,__class__}' <> class THEN
    RETURN monitor.pickle_instance(coalesce(args #>> '{0,__class__}', '?'), args - 0);
  END IF;
  RETURN coalesce(plain, generic);
END $$;
