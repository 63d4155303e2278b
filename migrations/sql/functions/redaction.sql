-- A jsonb value with every value whose place matches one of the paths replaced.
CREATE OR REPLACE FUNCTION monitor.redacted(value jsonb, paths text[], place text DEFAULT '') RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  CASE jsonb_typeof(value)
    WHEN 'object' THEN
      RETURN coalesce((
        SELECT jsonb_object_agg(key, CASE
          WHEN place || '.' || key ~* ANY (paths) THEN '"[redacted]"'::jsonb
          ELSE monitor.redacted(item, paths, place || '.' || key) END)
        FROM jsonb_each(value) AS member (key, item)), value);
    WHEN 'array' THEN
      RETURN coalesce((
        SELECT jsonb_agg(CASE
          WHEN place || '.' || (at - 1) ~* ANY (paths) THEN '"[redacted]"'::jsonb
          ELSE monitor.redacted(item, paths, place || '.' || (at - 1)) END ORDER BY at)
        FROM jsonb_array_elements(value) WITH ORDINALITY AS member (item, at)), value);
    ELSE RETURN value;
  END CASE;
END $$;

-- Messages were redacted before they came here; a row without a routing key is not of a message.
CREATE OR REPLACE FUNCTION monitor.redact_task() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  everywhere text[];
  here text[];
  shown text[];
BEGIN
  SELECT array_agg(rule.path) FILTER (WHERE rule.task IS NULL), array_agg(rule.path),
    array_agg(rule.shown) FILTER (WHERE rule.shown IS NOT NULL)
  INTO everywhere, here, shown
  FROM monitor.redaction AS rule WHERE rule.task IS NULL OR NEW.name ~* rule.task;
  IF here IS NULL THEN RETURN NEW; END IF;
  IF NEW.result IS NOT NULL AND everywhere IS NOT NULL THEN NEW.result := monitor.redacted(NEW.result, everywhere); END IF;
  IF NEW.routing_key IS NULL THEN
    NEW.args := monitor.redacted(NEW.args, here);
    NEW.kwargs := monitor.redacted(NEW.kwargs, here);
  END IF;
  IF jsonb_typeof(NEW.result -> 'exc_message') IS NOT NULL AND (NEW.result ->> 'exc_message') ~* ANY (shown) THEN
    NEW.result := jsonb_set(NEW.result, '{exc_message}', '["[redacted]"]');
  END IF;
  IF NEW.exception ~* ANY (shown) THEN NEW.exception := '[redacted]'; END IF;
  IF NEW.traceback ~* ANY (shown) THEN NEW.traceback := '[redacted]'; END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER redact_task BEFORE INSERT OR UPDATE ON monitor.task FOR EACH ROW
WHEN (NEW.result IS NOT NULL OR NEW.exception IS NOT NULL OR NEW.traceback IS NOT NULL
  OR (NEW.routing_key IS NULL AND (NEW.args IS NOT NULL OR NEW.kwargs IS NOT NULL)))
EXECUTE FUNCTION monitor.redact_task();
