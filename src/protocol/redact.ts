/** Removes stacks, paths and keys from the error messages of other code, so that they may leave the process. */
import { withoutSecrets } from "./secrets.ts";

const MAX_LENGTH = 500;

/**
 * The most characters of a message that are read. Secrets are searched for in more, or the end could contain half of
 * one.
 */
const MAX_READ = 10_000;
const MAX_SEARCHED = 200_000;

type Replacement = string | ((match: string) => string);

/** Each pattern takes linear time: its repetitions are bounded, or it does not try the same text twice. */
const SECRETS: readonly [RegExp, Replacement][] = [
  // Credentials inside a URL; Redis has a password and no user. They come first, because they may contain any text.
  [/\b\w+:\/\/[^\s"'`<>]+/g, withoutCredentials],
  // Provider keys and tokens: sk-..., key-..., ghp_..., AIza..., AKIA..., JWTs, and any text after "Bearer".
  [/\b(?:sk|pk|rk|key|gh[opsu]|github_pat|glpat|xox[abp]|lsv2|hf|gsk|xai)[-_][\w*.-]{6,}/g, "<key>"],
  [/\bAIza[\w-]{6,}/g, "<key>"],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, "<key>"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "<token>"],
  [/\bBearer\s+\S+/gi, "Bearer <token>"],
  // Text with a name that says it is a secret: `api-key: ...`, `"password":"..."`, `?token=...`, `&key=...`.
  [
    /((?:api[-_ ]?key|token|secret|passw(?:or)?d|pwd)["']?[ \t]{0,9}[:=][ \t]{0,9}["']?)[^\s"'&,;<][^\s"'&,;]{2,}/gi,
    "$1<key>",
  ],
  [/([?&](?:key|sig|signature|auth|code)=)[^\s"'&]+/gi, "$1<key>"],
  // File URLs, and paths with two segments or more, on either kind of system.
  [/\bfile:\/\/\S+/g, "<path>"],
  [/(?<![\w/.])\.{0,2}\/(?:[\w.@+-]+\/)+[\w.@+-]*/g, "<path>"],
  [/\b[A-Za-z]:\\(?:[^\\\s]+\\)*[^\\\s]*/g, "<path>"],
];

/** A password may contain `/` and `@`: it ends at the last `@`. Without an `@` after it, the text is a port. */
function withoutCredentials(url: string): string {
  const start = url.indexOf("://") + 3;
  const colon = url.indexOf(":", start);
  const end = url.lastIndexOf("@");
  const slash = url.indexOf("/", start);
  const user = colon >= 0 && colon < end && (slash < 0 || slash > colon);
  return user ? `${url.slice(0, start)}<credentials>@${url.slice(end + 1)}` : url;
}

/** `message` as it may leave: no stack, no path, no key, at most 500 characters. */
export function redact(message: string): string {
  const lines = withoutSecrets(message.slice(0, MAX_SEARCHED)).slice(0, MAX_READ).split(/\r?\n/);
  const stack = lines.findIndex((line) => /^\s+at\s/.test(line));
  const kept = (stack < 0 ? lines : lines.slice(0, stack)).join("\n").trim();
  const clean = SECRETS.reduce((text, [pattern, by]) => text.replace(pattern, by as string), kept);
  return clean.length > MAX_LENGTH ? `${clean.slice(0, MAX_LENGTH)}…` : clean;
}

/**
 * Returns the message of anything thrown. It does not use `instanceof`, because errors may come from another realm. It
 * never throws, although a thrown value may throw when it is read: a getter, a `toString`, an object without a
 * prototype.
 */
export function messageOf(thrown: unknown): string {
  try {
    const message = (thrown as { message?: unknown } | null | undefined)?.message;
    return withoutSecrets(typeof message === "string" ? message : String(thrown));
  } catch {
    return "Something was thrown that cannot be read.";
  }
}
