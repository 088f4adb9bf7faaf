/**
 * The tables, as a list of steps. A file's `user_version` is the number of steps it has taken. A step that was released
 * is never changed: a change is a new step at the end.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE threads (
    thread_id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT,
    interrupts TEXT NOT NULL,
    ended_run TEXT,
    refused TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX threads_by_use ON threads (updated_at DESC, thread_id DESC);

  -- The transcript, a row for each message: a run adds a few to what may be a long thread, and only those are written.
  CREATE TABLE messages (
    thread_id TEXT NOT NULL REFERENCES threads ON DELETE CASCADE,
    position INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (thread_id, position)
  ) STRICT;

  CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES threads ON DELETE CASCADE,
    run_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    from_epoch TEXT NOT NULL,
    from_offset INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    history_length INTEGER NOT NULL,
    checkpoint_before TEXT NOT NULL,
    input TEXT,
    terminal TEXT,
    UNIQUE (thread_id, run_id)
  ) STRICT;
  CREATE INDEX active_runs ON runs (number) WHERE status = 'active';

  -- Checkpoints of graphs. They refer to no other table: a graph may use threads that are not Sluice's.
  CREATE TABLE checkpoints (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    parent_id TEXT,
    checkpoint_type TEXT NOT NULL,
    checkpoint BLOB NOT NULL,
    metadata_type TEXT NOT NULL,
    metadata BLOB NOT NULL,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
  ) STRICT;
  CREATE TABLE checkpoint_writes (
    number INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
  ) STRICT;
  `,
  // The path of the task that wrote it; LangGraph applies a step's writes in the order of these paths.
  "ALTER TABLE checkpoint_writes ADD COLUMN task_path TEXT NOT NULL DEFAULT ''",
  `
  -- Items that graphs keep across threads. A namespace is a list of labels in JSON; number is the order of arrival.
  CREATE TABLE items (
    number INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (scope, namespace, key)
  ) STRICT;
  `,
  // Messages may be taken back, which moves all later ones. So a run is found by the message before it. The run of an
  // abandoned branch refers to a message that no longer exists.
  `
  ALTER TABLE threads ADD COLUMN removed TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE threads ADD COLUMN drafts TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE runs ADD COLUMN begins_after TEXT;
  UPDATE runs SET begins_after = coalesce((
    SELECT json_extract(message, '$.id') FROM messages
    WHERE messages.thread_id = runs.thread_id AND position = history_length - 1
  ), '') WHERE history_length > 0;
  ALTER TABLE runs DROP COLUMN history_length;
  `,
  // One run holds a thread, from its admission until its end is in the log. An admitted run has no thread and no
  // beginning yet. If several runs seem to hold one thread, all but the last ended without a record.
  `
  CREATE TABLE fences (last INTEGER NOT NULL) STRICT;
  INSERT INTO fences VALUES (0);
  CREATE TABLE runs_with_fences (
    number INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    fence INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    from_epoch TEXT,
    from_offset INTEGER,
    begins_after TEXT,
    checkpoint_before TEXT,
    input TEXT,
    outcome TEXT,
    closing TEXT,
    terminal TEXT,
    UNIQUE (thread_id, run_id)
  ) STRICT;
  INSERT INTO runs_with_fences
    SELECT number, thread_id, run_id, agent, body_hash, status, 0, started_at, from_epoch, from_offset, begins_after,
      checkpoint_before, input, NULL, NULL, terminal FROM runs;
  DROP TABLE runs;
  ALTER TABLE runs_with_fences RENAME TO runs;
  UPDATE runs SET status = 'failed', input = NULL WHERE status = 'active' AND EXISTS (
    SELECT 1 FROM runs AS later WHERE later.thread_id = runs.thread_id AND later.number > runs.number);
  CREATE UNIQUE INDEX holding_runs ON runs (thread_id) WHERE status IN ('admitted', 'active', 'ending');
  `,
  // Models repeat the ids of calls. Such a call has another id for clients, and the model's id is kept here.
  "ALTER TABLE threads ADD COLUMN call_ids TEXT NOT NULL DEFAULT '{}'",
  // The names that principals give their threads. A thread without a name belongs to nobody.
  `
  CREATE TABLE thread_names (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    UNIQUE (owner, name)
  ) STRICT;
  CREATE TRIGGER thread_unnamed AFTER DELETE ON threads BEGIN
    DELETE FROM thread_names WHERE key = old.thread_id;
  END;
  CREATE TABLE tickets (digest TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;
  `,
  // Messages that were sent into an active run. They are kept until the run is over.
  `
  CREATE TABLE injected (
    number INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES threads ON DELETE CASCADE,
    run_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    content TEXT NOT NULL,
    taken INTEGER NOT NULL,
    UNIQUE (thread_id, run_id, message_id)
  ) STRICT;
  `,
  // Marks that people put on a thread.
  `
  ALTER TABLE threads ADD COLUMN name TEXT;
  ALTER TABLE threads ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
  `,
  // Shares of threads, by the digests of their secrets.
  `
  CREATE TABLE shares (
    id TEXT PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES threads ON DELETE CASCADE,
    digest TEXT NOT NULL UNIQUE,
    made_at INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT;
  CREATE INDEX shares_of_thread ON shares (thread_id);
  `,
  // A deletion holds its thread, as a run does.
  `
  DROP INDEX holding_runs;
  CREATE UNIQUE INDEX holding_runs ON runs (thread_id) WHERE status IN ('admitted', 'active', 'ending', 'deleting');
  `,
  // The facts of an active run that are kept with its messages.
  "ALTER TABLE runs ADD COLUMN so_far TEXT",
  // Runs whose threads are deleted after them.
  `
  ALTER TABLE runs ADD COLUMN temporary INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX temporary_runs ON runs (thread_id) WHERE temporary = 1;
  `,
];
