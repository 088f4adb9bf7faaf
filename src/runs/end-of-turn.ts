/** The end of a turn of the event loop, once for all that wait for it. */
import { AsyncResource } from "node:async_hooks";

/** The calls at the end of a turn belong to many runs. They must not see the async storage of the first run. */
const outside = new AsyncResource("sluice.turn");

let due: (() => void)[] = [];

/** Calls `call` at the end of this turn. It does not throw. */
export function atEndOfTurn(call: () => void): void {
  if (due.push(call) === 1) outside.runInAsyncScope(setImmediate, undefined, callAll);
}

function callAll(): void {
  const calls = due;
  due = [];
  for (const call of calls) call();
}
