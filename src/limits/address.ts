/** Finds the client that a request comes from, as far as its address shows. */
import type { IncomingMessage } from "node:http";
import { BlockList, isIPv4, isIPv6 } from "node:net";
import proxyAddr from "proxy-addr";

/** The proxies whose `X-Forwarded-For` is believed: a number of them, or those in these networks. */
export type TrustedProxies = { readonly hops: number } | { readonly networks: readonly string[] };

/** @throws TypeError when a network is not valid. */
export function addressReader(trusted: TrustedProxies | undefined): (request: IncomingMessage) => string {
  const trust = trustOf(trusted);
  return (request) => proxyAddr(request, trust) ?? "";
}

function trustOf(trusted: TrustedProxies | undefined): (address: string, hop: number) => boolean {
  if (trusted === undefined) return () => false;
  if ("hops" in trusted) return (_address, hop) => hop < trusted.hops;
  return proxyAddr.compile([...trusted.networks]);
}

/**
 * The address that counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is the smallest network
 * of one customer.
 */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address.slice(0, 64);
  const [bare = ""] = address.split("%");
  const [head = "", tail] = bare.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length - (tail.includes(".") ? 1 : 0);
  const all = [...left, ...new Array<string>(zeros).fill("0"), ...right];
  const network = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Is this an address of this machine? Such a client is a developer, or a proxy that the settings do not name. */
export function isThisMachine(address: string): boolean {
  const plain = networkOf(address);
  if (isIPv4(plain)) return LOOPBACK.check(plain, "ipv4");
  return isIPv6(address) && LOOPBACK.check(address, "ipv6");
}
