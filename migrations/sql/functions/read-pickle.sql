-- Why pickles are read here as well as in src/codecs: monitor.task_history shows a stored result at once, before and
-- without an absorber, with no monitor running, and to readers who have nothing but SQL. Without these functions a
-- result of Python would appear only when a running monitor has absorbed it, and rows that were stored before there was
-- a monitor, and the arguments of result_extended, not at all. Bytes, depth and copies are bounded below.

-- Pickle is a program for a small stack machine (https://docs.python.org/3/library/pickletools.html); this function
-- runs the part of it that builds values. It never raises: each step is checked before it is taken, and limits on
-- size, depth and copies stop pickles that were made to grow.
CREATE OR REPLACE FUNCTION monitor.read_pickle(pickle bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  bytes constant bytea := pickle || ''::bytea; -- unpacked once, not at each byte read
  size constant integer := octet_length(bytes);
  at integer := 0;
  op integer;
  width integer;          -- of the operand, or of its length
  chunk bytea;            -- the operand
  number bigint;          -- the operand as a number
  line text;              -- the operand of protocol 0: a line
  line2 text;
  val jsonb;              -- what this step puts on the stack
  val_depth integer;
  val_opaque boolean;
  items jsonb;            -- what this step takes from it
  class text;
  low integer;            -- where those begin
  target integer;
  -- Everything made so far. The stack and the memo hold places in these, as containers are filled after they are named.
  vals jsonb[] := '{}';
  depths integer[] := '{}';
  opaque boolean[] := '{}'; -- an instance of a class we do not know
  made integer := 0;
  stack integer[] := '{}';
  top integer := 0;
  marks integer[] := '{}';
  marked integer := 0;
  memo integer[] := '{}';
  memoed integer := 0;
  copied bigint := 0;     -- bytes, over all containers
  largest bigint := 0;    -- bytes, of one value
BEGIN
  IF pickle IS NULL THEN RETURN NULL; END IF;
  IF size > 65536 THEN RETURN jsonb_build_object('__unreadable__', 'longer than 64 KiB'); END IF;
  IF getdatabaseencoding() <> 'UTF8' THEN
    RETURN jsonb_build_object('__unreadable__', 'the database is not in UTF8');
  END IF;

  WHILE at < size LOOP
    op := get_byte(bytes, at);
    at := at + 1;
    val := NULL;
    val_depth := 0;
    val_opaque := false;

    -- 1. The operand.
    width := CASE
      WHEN op IN (75, 104, 113, 128) THEN 1 WHEN op = 77 THEN 2 WHEN op IN (74, 106, 114) THEN 4
      WHEN op IN (71, 149) THEN 8 ELSE 0 END;
    IF width = 0 THEN
      width := CASE
        WHEN op IN (140, 67, 138, 85) THEN 1 WHEN op IN (88, 66, 139, 84) THEN 4
        WHEN op IN (141, 142, 150) THEN 8 ELSE 0 END;
      IF width > 0 THEN
        IF at + width > size THEN EXIT; END IF;
        number := get_byte(bytes, at);
        IF width > 1 THEN
          FOR i IN 1 .. 3 LOOP number := number | (get_byte(bytes, at + i)::bigint << (8 * i)); END LOOP;
          IF width = 8 AND substring(bytes FROM at + 5 FOR 4) <> '\x00000000' THEN EXIT; END IF;
        END IF;
        at := at + width;
        width := least(number, 2000000000);
      ELSIF op IN (103, 112, 70, 73, 76, 83, 86, 99, 105) THEN
        FOR i IN 1 .. CASE WHEN op IN (99, 105) THEN 2 ELSE 1 END LOOP
          line2 := line;
          number := 256;
          LOOP
            width := position('\x0a'::bytea IN substring(bytes FROM at + 1 FOR number::integer));
            EXIT WHEN width > 0 OR at + number >= size;
            number := number * 16;
          END LOOP;
          IF width = 0 THEN RETURN jsonb_build_object('__unreadable__', 'it is cut short'); END IF;
          chunk := substring(bytes FROM at + 1 FOR width - 1);
          at := at + width;
          -- Protocol 0 writes text one byte a character; a NUL it escapes.
          IF position('\x00'::bytea IN chunk) > 0 THEN chunk := ''; END IF;
          line := convert_from(chunk, 'LATIN1');
        END LOOP;
        width := 0;
      END IF;
    END IF;
    IF at::bigint + width > size THEN EXIT; END IF;
    IF width > 0 OR op IN (140, 67, 138, 85, 88, 66, 139, 84, 141, 142, 150) THEN
      chunk := substring(bytes FROM at + 1 FOR width);
      at := at + width;
    END IF;
    IF op IN (104, 113, 75, 77, 106, 114, 74) THEN
      number := get_byte(chunk, 0);
      FOR i IN 1 .. width - 1 LOOP number := number | (get_byte(chunk, i)::bigint << (8 * i)); END LOOP;
    ELSIF op IN (103, 112) THEN
      IF line !~ '^[0-9]{1,9}$' THEN RETURN jsonb_build_object('__unreadable__', 'a memo of no number'); END IF;
      number := line::bigint;
    END IF;

    -- 2. Enough on the stack for it?
    IF op IN (116, 108, 100, 101, 117, 144, 145, 111, 105, 49) THEN
      IF marked = 0 THEN RETURN jsonb_build_object('__unreadable__', 'no mark at byte ' || at - 1); END IF;
      low := marks[marked] + 1;
      marked := marked - 1;
      target := CASE WHEN marked > 0 THEN marks[marked] ELSE 0 END;
      IF op IN (101, 117, 144) AND low - 1 <= target OR op = 111 AND top < low THEN
        RETURN jsonb_build_object('__unreadable__', 'an empty stack at byte ' || at - 1);
      END IF;
      IF op = 111 THEN class := vals[stack[low]]->>'__class__'; low := low + 1; END IF;
    ELSE
      low := top + 1 - CASE WHEN op IN (135, 115, 146) THEN 3 WHEN op IN (134, 97, 82, 129, 98, 147) THEN 2
        WHEN op IN (133, 148, 112, 113, 114, 50, 46) THEN 1 ELSE 0 END;
      IF low <= (CASE WHEN marked > 0 THEN marks[marked] ELSE 0 END) THEN
        RETURN jsonb_build_object('__unreadable__', 'an empty stack at byte ' || at - 1);
      END IF;
      IF op IN (97, 115, 98) THEN low := low + 1; END IF; -- all but the container
    END IF;
    target := CASE WHEN low > 1 THEN stack[low - 1] END;

    IF largest * (top + 1 - low) > 4194304 AND
      (SELECT sum(pg_column_size(vals[stack[i]])) FROM generate_series(low, top) i) > 4194304 THEN
      RETURN jsonb_build_object('__unreadable__', 'it grows beyond 4 MB');
    END IF;

    -- 3. Take the items of a container from the stack, as one array or object.
    IF op IN (116, 108, 101, 144, 145, 111, 105, 133, 134, 135, 97) THEN
      SELECT coalesce(jsonb_agg(vals[stack[i]] ORDER BY i), '[]'), coalesce(max(depths[stack[i]]), 0) + 1
        INTO items, val_depth FROM generate_series(low, top) i;
      top := low - 1;
    ELSIF op IN (100, 117, 115) THEN
      IF (top - low) % 2 = 0 THEN RETURN jsonb_build_object('__unreadable__', 'a key without a value'); END IF;
      SELECT coalesce(jsonb_object_agg(
          CASE jsonb_typeof(vals[stack[i]]) WHEN 'string' THEN vals[stack[i]] #>> '{}' ELSE vals[stack[i]]::text END,
          vals[stack[i + 1]]), '{}'), coalesce(max(depths[stack[i + 1]]), 0) + 1
        INTO items, val_depth FROM generate_series(low, top, 2) i;
      top := low - 1;
    END IF;
    IF op = 111 THEN low := low - 1; END IF; -- its class was below

    -- 4. The step.
    CASE
      WHEN op IN (148, 112, 113, 114) THEN -- MEMOIZE, PUT, BINPUT, LONG_BINPUT
        IF op = 148 THEN number := memoed; END IF;
        IF number > 4194304 THEN RETURN jsonb_build_object('__unreadable__', 'a memo too far'); END IF;
        memo[number + 1] := stack[top];
        memoed := greatest(memoed, number + 1);
      WHEN op IN (140, 88, 141) THEN -- texts
        val := to_jsonb(monitor.pickle_text(chunk));
        IF val IS NULL THEN RETURN jsonb_build_object('__unreadable__', 'a text that is no UTF-8'); END IF;
      WHEN op IN (104, 106, 103) THEN -- BINGET, LONG_BINGET, GET
        IF memo[least(number, 4194304) + 1] IS NULL THEN
          RETURN jsonb_build_object('__unreadable__', 'an unknown memo at byte ' || at - 1);
        END IF;
        top := top + 1;
        stack[top] := memo[number + 1];
      WHEN op IN (75, 77) THEN val := to_jsonb(number); -- BININT1, BININT2
      WHEN op = 74 THEN -- BININT
        val := to_jsonb(CASE WHEN number > 2147483647 THEN number - 4294967296 ELSE number END);
      WHEN op IN (138, 139) THEN -- LONG1, LONG4
        val := CASE WHEN octet_length(chunk) > 4096
          THEN jsonb_build_object('__unreadable__', 'a number of ' || octet_length(chunk) || ' bytes')
          ELSE to_jsonb(monitor.pickle_integer(chunk)) END;
      WHEN op = 71 THEN val := monitor.pickle_float(chunk); -- BINFLOAT
      WHEN op = 78 THEN val := 'null';
      WHEN op = 136 THEN val := 'true';
      WHEN op = 137 THEN val := 'false';
      WHEN op = 40 THEN -- MARK
        marked := marked + 1;
        marks[marked] := top;
      WHEN op IN (117, 115, 101, 97, 144) THEN -- SETITEMS, SETITEM, APPENDS, APPEND, ADDITEMS
        IF opaque[target] THEN
          vals[target] := jsonb_set(vals[target], '{items}', coalesce(vals[target]->'items',
            CASE jsonb_typeof(items) WHEN 'array' THEN '[]'::jsonb ELSE '{}' END) || items);
        ELSIF jsonb_typeof(vals[target]) = jsonb_typeof(items) THEN
          vals[target] := vals[target] || items;
        ELSE
          RETURN jsonb_build_object('__unreadable__', 'items for no container at byte ' || at - 1);
        END IF;
        depths[target] := greatest(depths[target], val_depth);
        -- Of those made by adding one item at a time only the last remains in memory.
        copied := copied + pg_column_size(vals[target]) / CASE WHEN op IN (115, 97) THEN 8 ELSE 1 END;
        largest := greatest(largest, pg_column_size(vals[target]));
      WHEN op IN (116, 108, 145, 133, 134, 135, 100) THEN val := items; -- TUPLE, LIST, FROZENSET, TUPLE1..3, DICT
      WHEN op IN (125, 93, 41, 143) THEN -- EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, EMPTY_SET
        val := CASE op WHEN 125 THEN '{}'::jsonb ELSE '[]' END;
        val_depth := 1;
      WHEN op IN (67, 66, 142, 150) THEN -- bytes
        val := jsonb_build_object('__bytes__', replace(encode(chunk, 'base64'), E'\n', ''));
      WHEN op IN (147, 99) THEN -- STACK_GLOBAL, GLOBAL: only its name, it is never looked up
        IF op = 147 THEN
          line2 := vals[stack[top - 1]] #>> '{}';
          line := vals[stack[top]] #>> '{}';
          top := top - 2;
        END IF;
        -- Protocols 0 to 2 use the names of Python 2.
        line2 := CASE WHEN line2 IN ('__builtin__', 'exceptions') THEN 'builtins'
          WHEN line2 = 'copy_reg' THEN 'copyreg' ELSE line2 END;
        val := jsonb_build_object('__class__', coalesce(line2 || '.' || line, '?'));
        val_opaque := true;
      WHEN op IN (82, 129, 146, 111, 105) THEN -- REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, INST
        IF op IN (82, 129, 146) THEN
          class := vals[stack[low]]->>'__class__';
          items := vals[stack[low + 1]];
          val_depth := (SELECT max(depths[stack[i]]) FROM generate_series(low, top) i) + 1;
        ELSIF op = 105 THEN class := line2 || '.' || line;
        END IF;
        val := monitor.pickle_instance(coalesce(class, '?'),
          CASE jsonb_typeof(items) WHEN 'array' THEN items ELSE jsonb_build_array(items) END);
        val_opaque := jsonb_typeof(val) = 'object' AND val ? '__class__';
        IF op = 146 AND val_opaque THEN val := val || jsonb_build_object('kwargs', vals[stack[top]]); END IF;
        top := low - 1;
      WHEN op = 98 THEN -- BUILD
        items := vals[stack[top]];
        IF opaque[target] AND vals[target]->>'__class__' = 'uuid.UUID' AND jsonb_typeof(items->'int') = 'number' THEN
          vals[target] := coalesce(to_jsonb(monitor.pickle_uuid(trunc((items->>'int')::numeric))), vals[target]);
          opaque[target] := jsonb_typeof(vals[target]) = 'object';
        ELSIF opaque[target] AND jsonb_typeof(items) <> 'null' THEN
          vals[target] := vals[target] || jsonb_build_object('state', items);
          val_depth := depths[stack[top]] + 1;
          depths[target] := greatest(depths[target], val_depth);
          copied := copied + pg_column_size(vals[target]);
          largest := greatest(largest, pg_column_size(vals[target]));
        END IF;
        top := top - 1;
      WHEN op IN (128, 149) THEN NULL; -- PROTO, FRAME
      WHEN op = 46 THEN RETURN vals[stack[top]]; -- STOP
      WHEN op IN (85, 84) THEN -- SHORT_BINSTRING, BINSTRING: Python 2's str, text or bytes
        val := coalesce(to_jsonb(monitor.pickle_text(chunk)),
          jsonb_build_object('__bytes__', replace(encode(chunk, 'base64'), E'\n', '')));
      WHEN op = 86 THEN val := to_jsonb(monitor.pickle_raw_unicode(line)); -- UNICODE
      WHEN op = 83 THEN val := to_jsonb(substr(line, 2, greatest(length(line) - 2, 0))); -- STRING
      WHEN op IN (73, 76) THEN -- INT, LONG
        IF line IN ('00', '01') AND op = 73 THEN val := to_jsonb(line = '01');
        ELSIF length(line) < 10000 AND line ~ '^[+-]?[0-9]+L?$' THEN val := to_jsonb(rtrim(line, 'L')::numeric);
        ELSE RETURN jsonb_build_object('__unreadable__', 'a number without digits');
        END IF;
      WHEN op = 70 THEN -- FLOAT
        val := CASE WHEN length(line) < 1000 AND line ~ '^[+-]?[0-9]+([.][0-9]*)?(e[+-]?[0-9]{1,3})?$'
          THEN to_jsonb(trim_scale(line::numeric))
          ELSE to_jsonb(CASE line WHEN 'inf' THEN 'Infinity' WHEN '-inf' THEN '-Infinity' ELSE 'NaN' END) END;
      WHEN op = 50 THEN -- DUP
        top := top + 1;
        stack[top] := stack[top - 1];
      WHEN op = 48 THEN -- POP, of a mark where nothing is above it
        IF marked > 0 AND marks[marked] = top THEN marked := marked - 1;
        ELSIF top > 0 THEN top := top - 1;
        END IF;
      WHEN op = 49 THEN top := low - 1; -- POP_MARK
      ELSE
        RETURN jsonb_build_object('__unreadable__', format('opcode 0x%s at byte %s', to_hex(op), at - 1));
    END CASE;

    -- 5. What it made goes on top.
    IF val IS NOT NULL THEN
      made := made + 1;
      vals[made] := val;
      depths[made] := val_depth;
      opaque[made] := val_opaque;
      top := top + 1;
      stack[top] := made;
      largest := greatest(largest, pg_column_size(val));
      IF val_depth > 0 THEN
        copied := copied + pg_column_size(val);
      END IF;
    END IF;
    IF val_depth > 500 THEN RETURN jsonb_build_object('__unreadable__', 'nested deeper than 500'); END IF;
    IF copied > 16777216 THEN RETURN jsonb_build_object('__unreadable__', 'its parts grow beyond 16 MB'); END IF;
  END LOOP;
  RETURN jsonb_build_object('__unreadable__', 'it is cut short');
END $$;

-- A pickle as jsonb. What most tasks return (None, a boolean, a small number, a short text) is read without a call, as
-- the planner puts this expression in place of the function; everything else goes to the stack machine.
CREATE OR REPLACE FUNCTION monitor.unpickle(pickle bytea) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN pickle IS NULL THEN NULL
    WHEN octet_length(pickle) < 4 OR get_byte(pickle, 0) <> 128
      OR get_byte(pickle, octet_length(pickle) - 1) <> 46 THEN monitor.read_pickle(pickle)
    WHEN octet_length(pickle) = 4 AND get_byte(pickle, 2) = 78 THEN 'null'::jsonb
    WHEN octet_length(pickle) = 4 AND get_byte(pickle, 2) = 136 THEN 'true'::jsonb
    WHEN octet_length(pickle) = 4 AND get_byte(pickle, 2) = 137 THEN 'false'::jsonb
    WHEN octet_length(pickle) = 5 AND get_byte(pickle, 2) = 75 THEN (get_byte(pickle, 3)::text)::jsonb
    WHEN octet_length(pickle) = 6 AND get_byte(pickle, 2) = 77
      THEN ((get_byte(pickle, 3) + get_byte(pickle, 4) * 256)::text)::jsonb
    -- FRAME, SHORT_BINUNICODE, MEMOIZE, STOP; "escape" shows plain ASCII as it is, and all else with a backslash.
    WHEN octet_length(pickle) > 15 AND get_byte(pickle, 2) = 149 AND get_byte(pickle, 11) = 140
      AND octet_length(pickle) = get_byte(pickle, 12) + 15
      AND encode(substring(pickle FROM 14 FOR get_byte(pickle, 12)), 'escape') !~ '[\\"[:cntrl:]]'
      THEN ('"' || encode(substring(pickle FROM 14 FOR get_byte(pickle, 12)), 'escape') || '"')::jsonb
    ELSE monitor.read_pickle(pickle)
  END
$$;
