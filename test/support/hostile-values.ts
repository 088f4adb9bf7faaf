/** Values that a person's code may throw, and that break code that reads them carelessly. */

const no = (): never => {
  throw new Error("not to be read");
};

/** Makes an error with a long chain of causes. */
function chain(length: number): Error {
  let error = new Error("the first");
  for (let n = 0; n < length; n += 1) error = new Error(`caused ${n}`, { cause: error });
  return error;
}

function circle(): Error {
  const error = new Error("its own cause");
  error.cause = error;
  return error;
}

export const HOSTILE: readonly (readonly [name: string, value: unknown])[] = [
  ["an object without a prototype", Object.create(null)],
  ["a throwing toString", { toString: no }],
  ["a throwing message", Object.defineProperty(new Error(), "message", { get: no })],
  ["a throwing name", Object.defineProperty(new Error("no luck"), "name", { get: no })],
  ["a throwing stack", Object.defineProperty(new Error("no luck"), "stack", { get: no })],
  ["a throwing cause", Object.defineProperty(new Error("no luck"), "cause", { get: no })],
  ["a throwing field", Object.defineProperty(new Error("no luck"), "field", { get: no, enumerable: true })],
  ["a throwing toJSON", Object.assign(new Error("no luck"), { toJSON: no })],
  ["a proxy that gives nothing", new Proxy({}, { get: no, has: no, getPrototypeOf: no, ownKeys: no })],
  ["a chain of 20,000 causes", chain(20_000)],
  ["a circle of causes", circle()],
  ["an aggregate of odd errors", new AggregateError([Object.create(null), circle(), { toString: no }], "several")],
  ["a frozen error", Object.freeze(new Error("no luck"))],
  ["undefined", undefined],
  ["null", null],
  ["a symbol", Symbol("odd")],
  ["a big number", 2n ** 70n],
  ["a function", no],
];
