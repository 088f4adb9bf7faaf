/**
 * The tables in Postgres, as the steps that led to them. A step that was released is never changed: a change is a new
 * step at the end.
 *
 * JSON is text, since jsonb cannot hold every character that JSON can. Ids are compared by code point, as everywhere.
 */
export const POSTGRES_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE threads (
    thread_id text COLLATE "C" PRIMARY KEY,
    agent text NOT NULL,
    title text NOT NULL,
    state text,
    interrupts text NOT NULL,
    removed text NOT NULL DEFAULT '[]',
    drafts text NOT NULL DEFAULT '{}',
    call_ids text NOT NULL DEFAULT '{}',
    ended_run text,
    refused text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
  );
  CREATE INDEX threads_by_use ON threads (updated_at DESC, thread_id DESC);

  -- The transcript, a row for each message: a run adds a few to what may be a long thread, and only those are written.
  CREATE TABLE messages (
    thread_id text COLLATE "C" NOT NULL REFERENCES threads ON DELETE CASCADE,
    position integer NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (thread_id, position)
  );

  CREATE SEQUENCE fences;
  CREATE TABLE runs (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread_id text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    agent text NOT NULL,
    body_hash text NOT NULL,
    status text NOT NULL,
    fence bigint NOT NULL,
    started_at bigint NOT NULL,
    from_epoch text,
    from_offset bigint,
    begins_after text,
    checkpoint_before text,
    input text,
    outcome text,
    closing text,
    terminal text,
    UNIQUE (thread_id, run_id)
  );
  -- One run holds a thread, from its admission until its end is in the log.
  CREATE UNIQUE INDEX holding_runs ON runs (thread_id) WHERE status IN ('admitted', 'active', 'ending');

  CREATE TABLE thread_names (
    key text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    made_at bigint NOT NULL,
    UNIQUE (owner, name)
  );
  CREATE TABLE tickets (digest text PRIMARY KEY, holder text NOT NULL, expires_at bigint NOT NULL);

  -- Checkpoints of graphs. They refer to no other table: a graph may use threads that are not Sluice's.
  CREATE TABLE checkpoints (
    thread_id text COLLATE "C" NOT NULL,
    checkpoint_ns text COLLATE "C" NOT NULL,
    checkpoint_id text COLLATE "C" NOT NULL,
    parent_id text,
    checkpoint_type text NOT NULL,
    checkpoint bytea NOT NULL,
    metadata_type text NOT NULL,
    metadata bytea NOT NULL,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
  );
  CREATE TABLE checkpoint_writes (
    thread_id text COLLATE "C" NOT NULL,
    checkpoint_ns text COLLATE "C" NOT NULL,
    checkpoint_id text COLLATE "C" NOT NULL,
    task_id text COLLATE "C" NOT NULL,
    task_path text COLLATE "C" NOT NULL,
    idx integer NOT NULL,
    channel text NOT NULL,
    type text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
  );

  -- Items that graphs keep across threads. A namespace is a list of labels in JSON; number is the order of arrival.
  CREATE TABLE items (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (scope, namespace, key)
  );
  `,
  // Messages that were sent into an active run; until it is over.
  `
  CREATE TABLE injected (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread_id text COLLATE "C" NOT NULL REFERENCES threads ON DELETE CASCADE,
    run_id text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    content text NOT NULL,
    taken integer NOT NULL,
    UNIQUE (thread_id, run_id, message_id)
  );
  `,
  `
  -- The processes that share the database, by when they last reported that they live.
  CREATE TABLE instances (instance text COLLATE "C" PRIMARY KEY, seen_at timestamptz NOT NULL DEFAULT now());

  -- The process that drives a run, and what others ask of it.
  ALTER TABLE runs
    ADD COLUMN owner text COLLATE "C",
    ADD COLUMN cancel_wanted boolean NOT NULL DEFAULT false,
    ADD COLUMN graph_wanted boolean NOT NULL DEFAULT false,
    ADD COLUMN graph_epoch text,
    ADD COLUMN graph_offset bigint;
  CREATE INDEX runs_by_owner ON runs (owner) WHERE status IN ('admitted', 'active', 'ending');

  -- Starts that wait for a thread which another process holds, in their order.
  CREATE TABLE waiting_starts (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread_id text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL
  );
  CREATE INDEX waiting_starts_by_thread ON waiting_starts (thread_id, number);

  -- Threads that somebody follows, by the process that serves the follower.
  CREATE TABLE followers (
    thread_id text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    of_graph boolean NOT NULL,
    PRIMARY KEY (thread_id, instance)
  );
  `,
  // Marks that people put on a thread.
  `
  ALTER TABLE threads ADD COLUMN name text;
  ALTER TABLE threads ADD COLUMN archived integer NOT NULL DEFAULT 0;
  `,
  // Shares of threads, by the digests of their secrets.
  `
  CREATE TABLE shares (
    id text PRIMARY KEY,
    thread_id text COLLATE "C" NOT NULL REFERENCES threads ON DELETE CASCADE,
    digest text NOT NULL UNIQUE,
    made_at bigint NOT NULL,
    expires_at bigint
  );
  CREATE INDEX shares_of_thread ON shares (thread_id);
  `,
  // The name of the event log that a process writes.
  "ALTER TABLE instances ADD COLUMN log text",
  // A deletion holds its thread, as a run does.
  `
  DROP INDEX holding_runs;
  CREATE UNIQUE INDEX holding_runs ON runs (thread_id) WHERE status IN ('admitted', 'active', 'ending', 'deleting');
  DROP INDEX runs_by_owner;
  CREATE INDEX runs_by_owner ON runs (owner) WHERE status IN ('admitted', 'active', 'ending', 'deleting');
  `,
  // A process that is about to leave takes nothing over.
  "ALTER TABLE instances ADD COLUMN leaving boolean NOT NULL DEFAULT false",
  // The facts of an active run that are kept with its messages.
  "ALTER TABLE runs ADD COLUMN so_far text",
  // Runs whose threads are deleted after them.
  `
  ALTER TABLE runs ADD COLUMN temporary integer NOT NULL DEFAULT 0;
  CREATE INDEX temporary_runs ON runs (thread_id) WHERE temporary = 1;
  `,
];
