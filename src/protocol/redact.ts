/** What somebody else's error message may say outside the process: no stack, no paths, no keys. */
const MAX_LENGTH = 500;

/** The most of a message that is looked at. */
const MAX_READ = 10_000;

const SECRETS: readonly [RegExp, string][] = [
  // Provider keys and tokens: sk-..., key-..., ghp_..., AIza..., JWTs, anything behind "Bearer".
  [/\b(?:sk|pk|rk|key|ghp|gho|xox[abp]|lsv2|hf)[-_][\w*.-]{6,}/g, "<key>"],
  [/\bAIza[\w-]{6,}/g, "<key>"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "<token>"],
  [/\bBearer\s+\S+/gi, "Bearer <token>"],
  // Credentials inside a URL; Redis has a password and no user.
  [/\b(\w+:\/\/)[^/\s:@]*:[^/\s@]+@/g, "$1<credentials>@"],
  // File URLs and absolute paths with two segments or more, on either kind of system.
  [/\bfile:\/\/\S+/g, "<path>"],
  [/(?<![\w:/.])\/(?:[\w.@+-]+\/)+[\w.@+-]*/g, "<path>"],
  [/\b[A-Za-z]:\\(?:[^\\\s]+\\)*[^\\\s]*/g, "<path>"],
];

/** `message` as it may leave: no stack, no path, no key, at most 500 characters. */
export function redact(message: string): string {
  const lines = message.slice(0, MAX_READ).split(/\r?\n/);
  const stack = lines.findIndex((line) => /^\s+at\s/.test(line));
  const told = (stack < 0 ? lines : lines.slice(0, stack)).join("\n").trim();
  const clean = SECRETS.reduce((text, [pattern, mark]) => text.replace(pattern, mark), told);
  return clean.length > MAX_LENGTH ? `${clean.slice(0, MAX_LENGTH)}…` : clean;
}

/** The message of anything thrown. Not by `instanceof`: errors may come from another realm. */
export function messageOf(thrown: unknown): string {
  const message = (thrown as { message?: unknown } | null | undefined)?.message;
  return typeof message === "string" ? message : String(thrown);
}
