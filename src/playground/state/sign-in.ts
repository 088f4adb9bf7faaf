/** Signing in and out, where the server takes keys or tokens. */
import { expiring, signIns, token } from "../transport/credentials.ts";
import { request } from "../transport/http.ts";
import { newConversation } from "./chat.ts";
import { forgetDrafts } from "./drafts.ts";
import { base, transport } from "./session.ts";
import { loadAgents, newThread } from "./start.ts";

/**
 * Signs in, or stays signed in.
 * @throws LineError `unauthorized` when the server does not know the key or token.
 */
export async function signIn(key: string): Promise<void> {
  await request(new URL("agui/info", base), { headers: { Authorization: `Bearer ${key}` } });
  const renews = expiring.value && transport.value?.kind !== "bare" && transport.value?.state.value.status !== "closed";
  token.value = key;
  expiring.value = false;
  if (renews) return;
  // It may be somebody else: the thread comes anew.
  newConversation();
  signIns.value += 1;
  await loadAgents();
}

/** Cuts the line, and forgets the token and all that the page shows. */
export function signOut(): void {
  transport.value?.close();
  newThread();
  forgetDrafts();
  location.reload();
}
