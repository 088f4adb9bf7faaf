/** A failure in words: its message, and what its causes know that the message leaves out. */
import { isRecord } from "../protocol/input.ts";
import { messageOf, redact } from "../protocol/redact.ts";

/** More causes than this are none that somebody wrote; a chain may also go round. */
const MAX_CAUSES = 8;

/** The message of `thrown`, with the address that did not answer, and a remedy for a base URL that lacks its `/v1`. */
export function failureText(thrown: unknown): string {
  const message = redact(messageOf(thrown));
  const address = redact(unreached(thrown) ?? "");
  if (address !== "" && !message.includes(address)) return `${message.replace(/\.$/, "")}: ${address}`;
  // LangChain adds a paragraph on where to read more, which speaks of models whatever is wrong.
  const [said = ""] = message.split("\n\n");
  return lacksPath(thrown, said) ? `${said}. Does the model's base URL lack its /v1?` : message;
}

/** Clients of models say "Connection error." and keep the socket's own error as a cause: `connect ECONNREFUSED host:port`. */
function unreached(thrown: unknown): string | undefined {
  for (const cause of causes(thrown)) {
    // Node tried several addresses of one name.
    const tried = Array.isArray(cause.errors) && isRecord(cause.errors[0]) ? cause.errors[0] : cause;
    if (typeof tried.syscall === "string" && typeof tried.code === "string") return messageOf(tried);
  }
  return undefined;
}

function causes(thrown: unknown): readonly Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  for (let next = thrown; isRecord(next) && found.length < MAX_CAUSES; next = next.cause) found.push(next);
  return found;
}

/** A server that knows no such path says so in words of its own; one that lacks the model names the model. */
function lacksPath(thrown: unknown, message: string): boolean {
  return isRecord(thrown) && thrown.status === 404 && !/model/i.test(message);
}
