-- Lets a role read all that is recorded, and which migrations ran. Default privileges are those of the caller, who
-- should be the role that migrates and records. Functions run with the rights of their caller, so a role that may call
-- one that writes cannot write by it.
CREATE OR REPLACE FUNCTION monitor.grant_read_only(role text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA monitor, public TO %I', role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA monitor TO %I', role);
  EXECUTE format('GRANT SELECT ON public.celery_taskmeta, public.celery_tasksetmeta TO %I', role);
  EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA monitor TO %I', role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA monitor GRANT SELECT ON TABLES TO %I', role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA monitor GRANT EXECUTE ON FUNCTIONS TO %I', role);
  IF to_regclass('public.celery_toolbox_migrations') IS NOT NULL THEN
    EXECUTE format('GRANT SELECT ON public.celery_toolbox_migrations TO %I', role);
  END IF;
END $$;
