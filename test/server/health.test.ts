import express from "express";
import { afterEach, expect, it } from "vitest";
import { healthRoutes } from "../../src/server/routes/health.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

it("requests for /readyz that come together ask the engines once, and later ones ask again", async () => {
  const looks: ((unavailable: readonly string[]) => void)[] = [];
  const unavailable = () => new Promise<readonly string[]>((resolve) => looks.push(resolve));
  let asked = 0;
  let allCame = () => {};
  const together = new Promise<void>((resolve) => {
    allCame = resolve;
  });
  const ready = () => {
    asked += 1;
    // Each request asks twice, the second time after the look.
    if (asked === 20) allCame();
    return true;
  };
  const server = express().use(healthRoutes({ ready, unavailable })).listen(0, "127.0.0.1");
  closing.push(() => server.close());
  const address = await new Promise<string>((resolve) =>
    server.once("listening", () => resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}/readyz`)),
  );
  const answers = Array.from({ length: 20 }, () => fetch(address));
  await together;
  expect(looks).toHaveLength(1);
  looks[0]?.(["redis"]);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 503));
  const later = fetch(address);
  while (looks.length < 2) await new Promise((resolve) => setImmediate(resolve));
  looks[1]?.([]);
  expect((await later).status).toBe(200);
});
