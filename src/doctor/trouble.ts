/** Why a connection could not be made, for a person. */

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "The connection was refused: is the server running there?",
  ENOTFOUND: "There is no host of that name.",
  EAI_AGAIN: "The host's name could not be looked up.",
  EHOSTUNREACH: "There is no route to that host.",
  ENETUNREACH: "There is no route to that network.",
  ETIMEDOUT: "Nothing answered in time.",
  ECONNRESET: "The server closed the connection without an answer.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "Its certificate is self-signed: name its authority in NODE_EXTRA_CA_CERTS.",
  SELF_SIGNED_CERT_IN_CHAIN: "Its certificate is signed by an unknown authority: name that in NODE_EXTRA_CA_CERTS.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "Its certificate is signed by an unknown authority: name that in NODE_EXTRA_CA_CERTS.",
  CERT_HAS_EXPIRED: "Its certificate has expired.",
  ERR_TLS_CERT_ALTNAME_INVALID: "Its certificate is for another host.",
};
/** The errors of TLS when the other side speaks plain HTTP. */
const NO_TLS = /wrong version number|packet length too long|unknown protocol|record layer failure/i;

/** Node reports trouble with several addresses in an error without a message. */
export function reasonOf(error: unknown, url?: URL): string {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException | undefined) : undefined;
  return (
    (url && wrongScheme(code, message, url)) ??
    SENTENCES[code] ??
    SENTENCES[first?.code ?? ""] ??
    (message || first?.message || code || String(error))
  );
}

/** One side speaks TLS, and the other does not. */
function wrongScheme(code: string, message: string, { protocol, host }: URL): string | undefined {
  if (/^(https|wss):$/.test(protocol)) {
    const plain = `${protocol.replace("s:", ":")}//${host}`;
    return NO_TLS.test(message) || code === "EPROTO"
      ? `The server speaks no TLS on that port: try ${plain}`
      : undefined;
  }
  const secure = `${protocol.replace(":", "s:")}//${host}`;
  if (code.startsWith("HPE_"))
    return `The server does not speak plain HTTP on that port. It may need TLS: try ${secure}`;
  if (code !== "ECONNRESET" && message !== "socket hang up") return undefined;
  return `${SENTENCES.ECONNRESET} It may need TLS: try ${secure}`;
}
