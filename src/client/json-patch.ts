/** JSON Patch as far as Sluice sends it: `add`, `remove` and `replace`; values are never changed in place. */

export interface PatchOperation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/**
 * The value after the operations.
 * @throws Error when a path leads nowhere, or the operation is another.
 */
export function applyPatch(value: unknown, operations: readonly PatchOperation[]): unknown {
  return operations.reduce((current, operation) => change(current, pointer(operation.path), operation), value);
}

/** `/plan/0/a~1b` as its keys. */
export function pointer(path: string): string[] {
  return path === ""
    ? []
    : path
        .slice(1)
        .split("/")
        .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function change(target: unknown, [key, ...rest]: readonly string[], operation: PatchOperation): unknown {
  if (key === undefined) return operation.op === "remove" ? undefined : operation.value;
  if (Array.isArray(target)) return inList(target, key, rest, operation);
  if (typeof target !== "object" || target === null) throw new Error(`There is nothing at ${operation.path}.`);
  const fields = target as Readonly<Record<string, unknown>>;
  if (rest.length > 0) return { ...fields, [key]: change(fields[key], rest, operation) };
  if (operation.op === "remove") {
    const { [key]: _, ...others } = fields;
    return others;
  }
  known(operation);
  return { ...fields, [key]: operation.value };
}

function inList(list: readonly unknown[], key: string, rest: readonly string[], operation: PatchOperation): unknown[] {
  const index = key === "-" ? list.length : Number(key);
  if (rest.length > 0) return list.with(index, change(list[index], rest, operation));
  known(operation);
  if (operation.op === "add") return list.toSpliced(index, 0, operation.value);
  return operation.op === "remove" ? list.toSpliced(index, 1) : list.with(index, operation.value);
}

function known({ op }: PatchOperation): void {
  if (op !== "add" && op !== "replace" && op !== "remove") throw new Error(`The operation ${op} is not known.`);
}

/** The paths at which two values differ, at most `limit`. */
export function differences(before: unknown, after: unknown, limit = 200): PatchOperation[] {
  const found: PatchOperation[] = [];
  const compare = (a: unknown, b: unknown, path: string): void => {
    if (Object.is(a, b) || found.length >= limit) return;
    if (!isContainer(a) || !isContainer(b) || Array.isArray(a) !== Array.isArray(b)) {
      found.push({ op: "replace", path, value: b });
      return;
    }
    const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const at = `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      if (!Object.hasOwn(right, key)) found.push({ op: "remove", path: at });
      else if (!Object.hasOwn(left, key)) found.push({ op: "add", path: at, value: right[key] });
      else compare(left[key], right[key], at);
    }
  };
  compare(before, after, "");
  return found.slice(0, limit);
}

function isContainer(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
