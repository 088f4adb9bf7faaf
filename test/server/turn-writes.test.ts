/** The first write of a turn leaves at once, and the others leave together at its end. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { atEndOfTurn } from "../../src/runs/end-of-turn.ts";
import { SsePeer } from "../../src/server/sse-peer.ts";
import { writeWithTurn } from "../../src/server/turn-writes.ts";

function recorder(name: string, calls: string[]): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      calls.push(`${name}: ${chunk}`);
      done();
    },
    writev: (chunks, done) => {
      calls.push(`${name}: ${chunks.map(({ chunk }) => chunk).join("+")}`);
      done();
    },
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it("writes the first at once and the rest at the end of the turn, each stream once", async () => {
  const calls: string[] = [];
  const [a, b] = [recorder("a", calls), recorder("b", calls)];
  const write = (stream: Writable, text: string) => {
    writeWithTurn(stream);
    stream.write(text);
  };
  await turn();
  write(a, "1");
  expect(calls).toEqual(["a: 1"]);
  write(b, "1");
  write(a, "2");
  write(b, "2");
  // A run that merged deltas appends them at the end of the turn too.
  atEndOfTurn(() => write(a, "3"));
  expect(calls).toEqual(["a: 1"]);
  await turn();
  expect(calls).toEqual(["a: 1", "b: 1+2", "a: 2+3"]);
  write(b, "3");
  expect(calls.at(-1)).toBe("b: 3");
});

it("releases a stream that was destroyed meanwhile, and the ones after it", async () => {
  const calls: string[] = [];
  const [a, b, c] = [recorder("a", calls), recorder("b", calls), recorder("c", calls)];
  await turn();
  for (const stream of [a, b, c]) {
    writeWithTurn(stream);
    stream.write("1");
  }
  b.destroy();
  await turn();
  expect(calls).toEqual(["a: 1", "c: 1"]);
});

const sizes = [10, 10_000, 40_000];
it.each(
  sizes.flatMap((size) => [
    [size, "in the same turn"],
    [size, "once all were written"],
  ]),
)("sends all frames of %i bytes before the response ends %s", async (size, when) => {
  const frames = Array.from({ length: 8 }, (_, number) => `data: ${`${number}`.padEnd(Number(size), "x")}\n\n`);
  const server = createServer((_request, response) => {
    const options = { continues: true, ends: true, heartbeatMs: 60_000, drainMs: 60_000, slow: () => {} };
    const peer = new SsePeer(response, options);
    const written = Promise.all(frames.map((frame) => peer.send([frame])));
    if (when === "in the same turn") peer.end();
    else void written.then(() => peer.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe(frames.join(""));
  server.close();
});
