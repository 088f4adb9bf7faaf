/** The checkpoints of graphs, in the threads' database. Each is stored before its graph goes on. */
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  copyCheckpoint,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  TASKS,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import type { Row, SqlValue, Statement, Tables } from "./tables.ts";

/** The graph takes no further step before they resolve. */
export interface CheckpointHooks {
  /** Is called when a graph reads its checkpoint. `namespace`: as in `StoredStep`. */
  readonly opened?: ((threadId: string, namespace: string) => void) | undefined;
  /** Is called before anything that a step of a thread has made is stored, in the graph itself or in a graph inside it. */
  readonly storing?: ((threadId: string) => void | Promise<void>) | undefined;
  /** Is called when a checkpoint is stored, of the graph itself or of a graph inside it. */
  readonly stored?: ((step: StoredStep) => void | Promise<void>) | undefined;
}

/** Names one checkpoint. */
interface Key {
  readonly threadId: string;
  /** Empty for the graph itself; a path of nodes and tasks for a graph inside it. */
  readonly namespace: string;
  readonly checkpointId: string;
}

/** A stored checkpoint. */
export interface StoredStep extends Key {
  /** The number of the step that it ends. LangGraph counts the steps of a graph on a thread. */
  readonly step: number;
  /** The most steps that the graph may take. */
  readonly recursionLimit: number | undefined;
}

/** Results of tasks that are stored in one write. */
interface Results {
  /** The statements of each task. There may come more until the write begins. */
  readonly parts: Promise<readonly Statement[]>[];
  isBegun: boolean;
  stored: Promise<void>;
}

export class Checkpointer extends BaseCheckpointSaver {
  readonly #tables: Tables;
  readonly #hooks: () => CheckpointHooks | undefined;
  /** The last results that are being stored, by run; by thread, if the code belongs to no run. */
  readonly #results = new Map<CheckpointHooks | string, Results>();

  /** `hooks` returns those of the run to which the calling code belongs. */
  constructor(tables: Tables, hooks: () => CheckpointHooks | undefined = () => undefined) {
    super();
    this.#tables = tables;
    this.#hooks = hooks;
  }

  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { thread_id: threadId, checkpoint_ns: namespace = "" } = config.configurable ?? {};
    if (threadId === undefined) return undefined;
    this.#hooks()?.opened?.(threadId, namespace);
    const checkpointId = getCheckpointId(config);
    const [row] = checkpointId
      ? await this.#tables.all(`${SELECT} WHERE ${ONE}`, threadId, namespace, checkpointId)
      : await this.#tables.all(`${SELECT} WHERE ${LAST}`, threadId, namespace);
    if (!row) return undefined;
    const tuple = await this.#toTuple(row);
    return checkpointId ? { ...tuple, config } : tuple;
  }

  /** The id of a thread's last checkpoint. It is read without the state, which grows with the conversation. */
  async latestId(threadId: string): Promise<string | undefined> {
    const [row] = await this.#tables.all(
      `SELECT checkpoint_id FROM checkpoints WHERE ${LAST}`,
      threadId,
      "", // The graph itself, not a graph inside it.
    );
    return row && String(row.checkpoint_id);
  }

  /** The id of a thread's newest checkpoint, of the graph itself or of a graph inside it. */
  async newestId(threadId: string): Promise<string | undefined> {
    const newest = "SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? ORDER BY checkpoint_id DESC LIMIT 1";
    const [row] = await this.#tables.all(newest, threadId);
    return row && String(row.checkpoint_id);
  }

  async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const { before, limit = Number.POSITIVE_INFINITY, filter } = options;
    const { thread_id, checkpoint_ns, checkpoint_id } = config.configurable ?? {};
    const conditions: readonly [string, SqlValue | undefined][] = [
      ["thread_id = ?", thread_id],
      ["checkpoint_ns = ?", checkpoint_ns],
      ["checkpoint_id = ?", checkpoint_id],
      ["checkpoint_id < ?", before?.configurable?.checkpoint_id],
    ];
    const asked = conditions.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
    const where = asked.length > 0 ? `WHERE ${asked.map(({ sql }) => sql).join(" AND ")}` : "";
    // Reads all keys at once, but each checkpoint only when the caller reaches it: a history is long, and most readers
    // stop early.
    const keys = await this.#tables.all(
      `SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints ${where} ORDER BY checkpoint_id DESC`,
      ...asked.map(({ value }) => value),
    );
    let found = 0;
    for (const key of keys) {
      if (found >= limit) return;
      const [row] = await this.#tables.all(`${SELECT} WHERE ${ONE}`, ...values(keyOf(key)));
      if (!row || (filter && !matches(await this.#load(row.metadata_type, row.metadata), filter))) continue;
      found += 1;
      yield await this.#toTuple(row);
    }
  }

  async put(config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata): Promise<RunnableConfig> {
    const threadId = requiredId(config, "thread_id");
    const { checkpoint_ns: namespace = "", checkpoint_id: parentId = null } = config.configurable ?? {};
    const [[checkpointType, checkpointBytes], [metadataType, metadataBytes]] = await Promise.all([
      this.serde.dumpsTyped(copyCheckpoint(checkpoint)),
      this.serde.dumpsTyped(metadata),
    ]);
    const key = { threadId, namespace, checkpointId: checkpoint.id };
    const hooks = this.#hooks();
    await hooks?.storing?.(threadId);
    // LangGraph does not wait. But a step that is over has to have results: `hasResult` relies on them.
    await this.#results.get(hooks ?? threadId)?.stored;
    await this.#tables.write([
      `INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id) DO UPDATE SET parent_id = excluded.parent_id,
         checkpoint_type = excluded.checkpoint_type, checkpoint = excluded.checkpoint,
         metadata_type = excluded.metadata_type, metadata = excluded.metadata`,
      ...values(key),
      parentId,
      checkpointType,
      checkpointBytes,
      metadataType,
      metadataBytes,
    ]);
    await hooks?.stored?.({ ...key, step: metadata.step, recursionLimit: config.recursionLimit });
    return toConfig(key);
  }

  /**
   * Results are stored in their order: a task may use the result of another task, and need no call of it any more once
   * its own result is stored. Then the other's result has to be stored too. Results that come while a write is on its
   * way go into one write after it.
   */
  putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    const key = this.#hooks() ?? requiredId(config, "thread_id");
    const statements = this.#statementsOf(config, writes, taskId, taskPath);
    statements.catch(() => {}); // A failure of an earlier result is reported in its place.
    const last = this.#results.get(key);
    if (last && !last.isBegun) {
      last.parts.push(statements);
      return last.stored;
    }
    const results: Results = { parts: [statements], isBegun: false, stored: Promise.resolve() };
    results.stored = this.#storeResults(results, last?.stored);
    this.#results.set(key, results);
    const over = () => {
      if (this.#results.get(key) === results) this.#results.delete(key);
    };
    results.stored.then(over, over);
    return results.stored;
  }

  /** Reports whether the results of a task are stored. LangGraph does not execute such a task again. */
  async hasResult(threadId: string, taskId: string): Promise<boolean> {
    // Negative numbers are for errors, and for the questions and answers of a task that is not over.
    const result = "SELECT 1 FROM checkpoint_writes WHERE thread_id = ? AND task_id = ? AND idx >= 0 LIMIT 1";
    return (await this.#tables.all(result, threadId, taskId)).length > 0;
  }

  async #storeResults(results: Results, earlier: Promise<void> | undefined): Promise<void> {
    await earlier;
    const statements: Statement[] = [];
    try {
      // Parts that come while this waits are included.
      for (const part of results.parts) statements.push(...(await part));
    } finally {
      results.isBegun = true;
      if (statements.length > 0) await this.#tables.write(...statements);
    }
  }

  async #statementsOf(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath: string,
  ): Promise<readonly Statement[]> {
    const key = {
      threadId: requiredId(config, "thread_id"),
      namespace: config.configurable?.checkpoint_ns ?? "",
      checkpointId: requiredId(config, "checkpoint_id"),
    };
    const rows = await Promise.all(
      writes.map(async ([channel, value], index) => ({
        index: WRITES_IDX_MAP[channel] ?? index,
        channel,
        dumped: await this.serde.dumpsTyped(value),
      })),
    );
    if (rows.length > 0) await this.#hooks()?.storing?.(key.threadId);
    return rows.map(({ index, channel, dumped }): Statement => {
      // A task's own results never change once they are written. Its errors and interrupts may change.
      const conflict = index < 0 ? "UPDATE SET type = excluded.type, value = excluded.value" : "NOTHING";
      const insert = `INSERT INTO checkpoint_writes
          (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO ${conflict}`;
      return [insert, ...values(key), taskId, taskPath, index, channel, ...dumped];
    });
  }

  async deleteThread(threadId: string): Promise<void> {
    await this.#tables.erase(
      ["DELETE FROM checkpoints WHERE thread_id = ?", threadId],
      ["DELETE FROM checkpoint_writes WHERE thread_id = ?", threadId],
    );
  }

  async #toTuple(row: Row): Promise<CheckpointTuple> {
    const key = keyOf(row);
    const parent = row.parent_id === null ? undefined : { ...key, checkpointId: String(row.parent_id) };
    const [checkpoint, metadata, pendingWrites] = await Promise.all([
      this.#load<Checkpoint>(row.checkpoint_type, row.checkpoint),
      this.#load<CheckpointMetadata>(row.metadata_type, row.metadata),
      this.#writes(key),
    ]);
    if (checkpoint.v < 4 && parent) await this.#adoptSends(checkpoint, parent);
    const tuple = { config: toConfig(key), checkpoint, metadata, pendingWrites };
    return parent ? { ...tuple, parentConfig: toConfig(parent) } : tuple;
  }

  /** Sorted as a live run applies them. The tables compare text by code point, as LangGraph's sort key does. */
  async #writes(key: Key): Promise<CheckpointPendingWrite[]> {
    const rows = await this.#tables.all(
      `SELECT task_id, channel, type, value FROM checkpoint_writes WHERE ${ONE} ORDER BY task_path, task_id, idx`,
      ...values(key),
    );
    return Promise.all(
      rows.map(async (row): Promise<CheckpointPendingWrite> => {
        return [String(row.task_id), String(row.channel), await this.#load(row.type, row.value)];
      }),
    );
  }

  /** Before version 4, the values that a step had sent were among its parent's writes, not in a channel. */
  async #adoptSends(checkpoint: Checkpoint, parent: Key): Promise<void> {
    const writes = await this.#writes(parent);
    const versions = Object.values(checkpoint.channel_versions);
    checkpoint.channel_values[TASKS] = writes.flatMap(([, channel, value]) => (channel === TASKS ? [value] : []));
    checkpoint.channel_versions[TASKS] =
      versions.length > 0 ? maxChannelVersion(...versions) : this.getNextVersion(undefined);
  }

  async #load<T>(type: Row[string] | undefined, value: Row[string] | undefined): Promise<T> {
    return (await this.serde.loadsTyped(String(type), new Uint8Array(value as ArrayBuffer))) as T;
  }
}

const SELECT = "SELECT * FROM checkpoints";
const LAST = "thread_id = ? AND checkpoint_ns = ? ORDER BY checkpoint_id DESC LIMIT 1";
const ONE = "thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?";

function values({ threadId, namespace, checkpointId }: Key): [string, string, string] {
  return [threadId, namespace, checkpointId];
}

function keyOf(row: Row): Key {
  return {
    threadId: String(row.thread_id),
    namespace: String(row.checkpoint_ns),
    checkpointId: String(row.checkpoint_id),
  };
}

function toConfig({ threadId, namespace, checkpointId }: Key): RunnableConfig {
  return { configurable: { thread_id: threadId, checkpoint_ns: namespace, checkpoint_id: checkpointId } };
}

function requiredId(config: RunnableConfig, name: "thread_id" | "checkpoint_id"): string {
  const id: unknown = config.configurable?.[name];
  if (typeof id === "string") return id;
  throw new Error(`The checkpointer needs "${name}" in config.configurable.`);
}

function matches(metadata: Record<string, unknown>, filter: Record<string, unknown>): boolean {
  return Object.entries(filter).every(([key, value]) => metadata[key] === value);
}
