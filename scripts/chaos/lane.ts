/** Uses one thread after the other. Each has its own readers and several runs, one after the other. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type pg from "pg";
import type { RedisLog } from "../../src/log/redis/redis-log.ts";
import type { Message } from "../../src/protocol/events.ts";
import { type Reader, reader } from "./reader.ts";
import { endOfRun, endsInLog, type RunRow } from "./rows.ts";
import { answersTo } from "./words.ts";

export interface Surroundings {
  readonly url: string;
  readonly database: pg.Pool;
  readonly log: RedisLog;
  readonly readersPerThread: number;
  /** Aborts when no new thread should begin. */
  readonly signal: AbortSignal;
  readonly problem: (text: string) => void;
  /** Called with the outcome of each run. */
  readonly ended: (outcome: string) => void;
}

const RUNS_PER_THREAD = 3;

/** A run takes about ten seconds, and may lose three owners. A run that takes longer than this hangs. */
const LONGEST_RUN_MS = 120_000;

/** A reader that reconnects must have the end by then. */
const LONGEST_READ_MS = 45_000;

/** Errors that a run may end with because of a fault. */
const TROUBLE = new Set(["owner_lost", "storage_unavailable", "draining"]);

/** The threads that have readers now. */
export class Lanes {
  readonly #around: Surroundings;
  readonly #readers = new Map<string, readonly Reader[]>();
  readonly #agents = new Map<string, string>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  readersOf(threadId: string): readonly Reader[] {
    return this.#readers.get(threadId) ?? [];
  }

  /** The readers of an agent's threads. */
  readersFrom(agent: string): readonly Reader[] {
    return [...this.#readers].flatMap(([threadId, readers]) => (this.#agents.get(threadId) === agent ? readers : []));
  }

  /** Runs threads until the time is over. */
  async drive(agent: string): Promise<void> {
    while (!this.#around.signal.aborted) await this.#thread(agent);
  }

  async #thread(agent: string): Promise<void> {
    const { url, readersPerThread, problem, signal } = this.#around;
    const threadId = randomUUID();
    const readers = Array.from({ length: readersPerThread }, (_, index) =>
      reader(index % 2 === 0 ? "frames" : "sse", url, threadId, problem),
    );
    this.#readers.set(threadId, readers);
    this.#agents.set(threadId, agent);
    const runIds: string[] = [];
    let since = 0;
    while (runIds.length < RUNS_PER_THREAD && (runIds.length === 0 || !signal.aborted)) {
      since = Date.now();
      runIds.push(await this.#run(agent, threadId));
    }
    await this.#compare(threadId, runIds, since, readers);
    for (const each of readers) each.close();
    this.#readers.delete(threadId);
    this.#agents.delete(threadId);
  }

  async #run(agent: string, threadId: string): Promise<string> {
    const { database, problem, ended } = this.#around;
    const runId = randomUUID();
    const question = `q${runId.slice(0, 8)}`;
    await this.#start(agent, { threadId, runId, messages: [{ id: randomUUID(), role: "user", content: question }] });
    const run = await endOfRun(database, threadId, runId, LONGEST_RUN_MS);
    if (!run) problem(`run ${runId} did not end in time`);
    else {
      ended(run.code === undefined ? run.status : run.code);
      if (run.code !== undefined && !TROUBLE.has(run.code)) problem(`run ${runId} ended with ${run.code}`);
      if (run.status === "done") await this.#checkWords(threadId, question, run);
    }
    return runId;
  }

  /** Sends the same request until it is answered. Repeated requests start only one run. */
  async #start(
    agent: string,
    input: { readonly threadId: string; readonly runId: string; readonly messages: Message[] },
  ) {
    const { url, problem } = this.#around;
    const props = { sluice: { background: true } };
    const body = JSON.stringify({ ...input, protocolVersion: "1.0", tools: [], context: [], forwardedProps: props });
    for (;;) {
      try {
        const response = await fetch(`${url}/agui/agent/${agent}/run`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
          signal: AbortSignal.timeout(15_000),
        });
        const answer = (await response.json()) as { error?: { code: string; message: string } };
        if (response.status === 202) return;
        const { code = "", message } = answer.error ?? {};
        if (![...TROUBLE, "thread_busy", "overloaded"].includes(code)) {
          problem(`run ${input.runId} was refused: ${response.status} ${code} ${message}`);
        }
      } catch {
        // The process is dead or hangs.
      }
      await sleep(250);
    }
  }

  /** Checks that a finished run has produced every word exactly once. */
  async #checkWords(threadId: string, question: string, { run_id: runId }: RunRow): Promise<void> {
    const messages = await this.#messages(threadId);
    const at = messages.findIndex(({ role, content }) => role === "user" && content === question);
    const said = messages.slice(at + 1, at + 3).map(({ content }) => content);
    const wanted = answersTo(question).map((words) => words.join(""));
    if (!isDeepStrictEqual(said, wanted)) this.#around.problem(`run ${runId} said ${JSON.stringify(said)}`);
  }

  async #messages(threadId: string): Promise<Message[]> {
    for (;;) {
      const response = await fetch(`${this.#around.url}/threads/${threadId}/messages`, {
        signal: AbortSignal.timeout(15_000),
      }).catch(() => undefined);
      const body = (await response?.json().catch(() => undefined)) as { messages?: Message[] } | undefined;
      if (body?.messages) return body.messages;
      await sleep(250);
    }
  }

  async #compare(
    threadId: string,
    runIds: readonly string[],
    since: number,
    readers: readonly Reader[],
  ): Promise<void> {
    const { problem, log } = this.#around;
    const last = String(runIds.at(-1));
    const messages = said(await this.#messages(threadId));
    const lacks = (each: Reader) => {
      if (!each.sawEndOf(last, since)) return "was not sent the end of its last run";
      if (isDeepStrictEqual(said(each.messages), messages)) return undefined;
      return `has ${JSON.stringify(said(each.messages))}, and the transcript ${JSON.stringify(messages)}`;
    };
    const until = Date.now() + LONGEST_READ_MS;
    while (readers.some(lacks) && Date.now() < until) await sleep(100);
    for (const each of readers) {
      const what = lacks(each);
      if (what) problem(`a reader over ${each.kind} of thread ${threadId} ${what}`);
    }
    for (const text of await endsInLog(log, threadId, runIds)) problem(text);
  }
}

const said = (messages: readonly Message[]) => messages.map(({ id, role, content = "" }) => ({ id, role, content }));
