/** Signs in and out, if the server accepts keys or tokens. */
import { expiring, signIns, token } from "../transport/credentials.ts";
import { request } from "../transport/http.ts";
import { newConversation } from "./chat.ts";
import { forgetDrafts } from "./drafts.ts";
import { base, transport } from "./session.ts";
import { loadAgents, newThread } from "./start.ts";

/**
 * Signs in, or replaces the token before it expires.
 * @throws LineError `unauthorized` when the server does not know the key or token.
 */
export async function signIn(key: string): Promise<void> {
  await request(new URL("agui/info", base), { headers: { Authorization: `Bearer ${key}` } });
  const renews = expiring.value && transport.value?.kind !== "bare" && transport.value?.state.value.status !== "closed";
  token.value = key;
  expiring.value = false;
  if (renews) return;
  // The key may be another person's, so the thread is loaded again.
  newConversation();
  signIns.value += 1;
  await loadAgents();
}

/** Closes the line, and reloads the page without the token, the thread and the drafts. */
export function signOut(): void {
  transport.value?.close();
  newThread();
  forgetDrafts();
  location.reload();
}
