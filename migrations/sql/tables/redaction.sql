-- One row a line of REDACT, as regular expressions: path is the place of the value, as ".user.token"; task: of which tasks
-- (NULL: of all, results too); shown: how text shows it (NULL: not at all).
CREATE TABLE IF NOT EXISTS monitor.redaction (
  rule  text NOT NULL,
  path  text NOT NULL,
  task  text,
  shown text,
  CONSTRAINT redaction_pkey PRIMARY KEY (rule)
);
