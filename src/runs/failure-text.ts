/** A failure in words: its message, and what its causes know that the message leaves out. */
import { isRecord } from "../protocol/input.ts";
import { messageOf, redact } from "../protocol/redact.ts";

/** The most causes that are read, since a chain of causes may be a cycle. */
const MAX_CAUSES = 8;

/** The message of `thrown`, with the address that did not answer, and a remedy for a base URL that lacks its `/v1`. */
export function failureText(thrown: unknown): string {
  const message = redact(messageOf(thrown));
  const address = redact(unreached(thrown) ?? "");
  if (address !== "" && !message.includes(address)) return `${message.replace(/\.$/, "")}: ${address}`;
  // LangChain adds a paragraph with a link. It mentions models even for other failures.
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

/**
 * Does the server lack the path, rather than the model? Servers answer 404 to both, but name the model if they lack it.
 */
function lacksPath(thrown: unknown, message: string): boolean {
  return isRecord(thrown) && thrown.status === 404 && !/model/i.test(message);
}
