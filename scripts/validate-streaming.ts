/** `npm run validate-streaming`: does a server stream, token by token, all the way to the client? */
import { parseArgs } from "node:util";
import { table } from "../src/doctor/figures.ts";
import { reasonOf } from "../src/doctor/trouble.ts";
import { TRANSPORTS, type Transport } from "./line.ts";
import { type Report, type RunOptions, validate } from "./validate-streaming/run.ts";
import { startServer } from "./validate-streaming/server.ts";

const USAGE = `Usage: npm run validate-streaming [-- options]

Sends one message and watches the answer come: whether its events are a legal AG-UI sequence, and whether its tokens
arrive spread out in time rather than in one burst, as they do when a proxy or a server on the way buffers them.
Fails when either is not so.

Options:
  --url <url>          the server, such as http://127.0.0.1:8123; without it one is started with the demo model
  --agent <name>       the agent to ask (the server's first)
  --message <text>     what to say (a greeting)
  --transport sse|ws   over which to read (sse)
  --timeout <seconds>  how long the run may take (60)
  --json               the figures as JSON
  --help               this`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      agent: { type: "string" },
      message: { type: "string", default: "Hello! What can you do?" },
      transport: { type: "string", default: "sse" },
      timeout: { type: "string", default: "60" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const { agent, message } = values;
  const transport = values.transport as Transport;
  if (!TRANSPORTS.includes(transport)) throw new Error(`--transport ${transport}: valid are ${TRANSPORTS.join(", ")}.`);
  const timeoutMs = Number(values.timeout) * 1_000;
  if (!(timeoutMs > 0)) throw new Error(`--timeout ${values.timeout}: it takes a number of seconds above 0.`);
  if (values.url !== undefined && !(URL.canParse(values.url) && /^https?:/.test(values.url))) {
    throw new Error(`--url ${values.url}: it takes an address like http://127.0.0.1:8123.`);
  }
  const own = values.url === undefined ? await startServer() : undefined;
  try {
    const options = { url: values.url ?? own?.url ?? "", agent, message, transport, timeoutMs };
    const report = await validate(options);
    console.log(values.json ? JSON.stringify({ ...options, ...report }, null, 2) : describe(options, report));
    return report.passed ? 0 : 1;
  } finally {
    await own?.stop();
  }
}

function describe({ url, transport }: RunOptions, { events, firstEventMs, spread, checks, passed }: Report): string {
  const { gaps } = spread;
  const figures = table([
    ["events", String(events)],
    ["time to first event", ms(firstEventMs)],
    ["time to first token", ms(spread.firstMs)],
    ["tokens", `${spread.tokens} (${spread.characters} characters)`],
    ["tokens/s", figure(spread.perSecond)],
    ["from first to last token", `${ms(spread.spanMs)}, ${figure(spread.share * 100)}% of the wait for the last`],
    ["arrivals", String(spread.arrivals)],
    ["gaps p50 / p95 / max", [gaps.p50, gaps.p95, gaps.max].map(ms).join(" / ")],
  ]);
  const verdicts = checks.map(({ name, passed, found }) => `  ${passed ? "ok  " : "FAIL"}  ${name}: ${found}`);
  if (spread.checks.length === 0) verdicts.push("  --    spread in time: the answer is too short to tell");
  const failed = checks.filter((check) => !check.passed).map(({ name }) => name);
  const verdict = passed ? "Passed." : `Failed: ${failed.join(", ")}.`;
  return `${url} over ${transport}\n\n${figures}\n\n${verdicts.join("\n")}\n\n${verdict}`;
}

function ms(value: number): string {
  return `${figure(value)} ms`;
}

function figure(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 1 : 0) : "-";
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(`validate-streaming: ${reasonOf(error)}`);
    process.exitCode = 1;
  },
);
