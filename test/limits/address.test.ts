import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/config/settings.ts";
import { addressReader, isThisMachine, networkOf } from "../../src/limits/address.ts";

function request(remoteAddress: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe("the address of a request", () => {
  it.each([
    ["", "10.0.0.1", "1.2.3.4", "10.0.0.1"],
    ["0", "10.0.0.1", "1.2.3.4", "10.0.0.1"],
    ["1", "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"],
    ["1", "10.0.0.1", undefined, "10.0.0.1"],
    ["2", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"],
    ["10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"],
    ["10.0.0.0/8", "11.0.0.1", "1.2.3.4", "11.0.0.1"],
    ["10.0.0.1, fd00::/8", "fd00::7", "1.2.3.4, 10.0.0.1", "1.2.3.4"],
    ["127.0.0.1", "::ffff:127.0.0.1", "1.2.3.4", "1.2.3.4"],
  ])("with TRUST_PROXY=%s, from %s with X-Forwarded-For %s, is %s", (setting, remote, forwarded, address) => {
    const { TRUST_PROXY } = readSettings({ TRUST_PROXY: setting });
    expect(addressReader(TRUST_PROXY)(request(remote, forwarded))).toBe(address);
  });

  it.each(["true", "10", "-1", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "proxy.test", "10.0.0.1/8/9", "loopback"])(
    "TRUST_PROXY=%s stops the start",
    (value) => {
      expect(() => readSettings({ TRUST_PROXY: value })).toThrow(/^TRUST_PROXY=.*a number of proxies/);
    },
  );
});

it.each([
  ["1.2.3.4", "1.2.3.4"],
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:DB8::1", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["64:ff9b::1.2.3.4", "64:ff9b:0:0::/64"],
  ["no address", "no address"],
])("%s counts as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

it.each([
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["::ffff:127.0.0.1", true],
  ["::1", true],
  ["::2", false],
  ["10.0.0.1", false],
  ["", false],
])("%s is this machine: %s", (address, is) => {
  expect(isThisMachine(address)).toBe(is);
});
