/**
 * Scripts that Redis executes atomically. A topic is two keys of one slot: a hash with its epoch, head, fence, floor
 * and kept position, and a stream whose ids are `offset-0`.
 */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

export interface TopicKeys {
  readonly meta: string;
  readonly stream: string;
  /** A stream that is to take the other's place. */
  readonly restored: string;
}

class Script {
  readonly #lua: string;
  readonly #sha: string;
  readonly #keys: readonly (keyof TopicKeys)[];

  /** `keys`: the keys that the script gets, in this order. */
  constructor(lua: string, keys: readonly (keyof TopicKeys)[] = ["meta", "stream"]) {
    this.#lua = lua;
    this.#keys = keys;
    this.#sha = createHash("sha1").update(lua).digest("hex");
  }

  async run(redis: Redis, keys: TopicKeys, ...args: readonly (string | number)[]): Promise<unknown> {
    const names = this.#keys.map((name) => keys[name]);
    try {
      return await redis.evalsha(this.#sha, names.length, ...names, ...args);
    } catch (error) {
      // A server that was restarted or flushed does not know the script.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return redis.eval(this.#lua, names.length, ...names, ...args);
    }
  }
}

/**
 * Arguments: fence, or "" for a reader; "1" for a new epoch; the new epoch's name; TTL in ms. Returns epoch and head.
 * An owner also begins a new epoch when the topic was begun by another server: after a failover or a restart the last
 * entries may be lost, and their positions must not be used again.
 */
export const claimTopic = new Script(`
local meta, stream = KEYS[1], KEYS[2]
local known = redis.call('HMGET', meta, 'epoch', 'head', 'fence', 'server')
local fence = tonumber(ARGV[1])
if fence and known[3] and tonumber(known[3]) > fence then return 'owner_lost' end
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not known[1] or ARGV[2] == '1' or (fence and known[4] ~= server) then
  -- HSET comes first: a full Redis refuses only a script's first write, and never a DEL.
  redis.call('HSET', meta, 'epoch', ARGV[3], 'head', 0, 'fence', 0, 'floor', 0, 'bytes', 0, 'server', server)
  redis.call('DEL', stream)
  known = { ARGV[3], '0' }
  redis.call('SPUBLISH', meta, ARGV[3] .. ':0')
end
if fence then
  redis.call('HSET', meta, 'fence', ARGV[1])
  redis.call('HDEL', meta, 'kept', 'kept_at')
end
redis.call('PEXPIRE', meta, ARGV[4])
return { known[1], known[2] }
`);

/**
 * Arguments: fence, epoch, the head that was acknowledged, TTL in ms, the most entries and bytes to keep, then two for
 * each entry. Appending entries again succeeds, in case a connection was lost before the answer came. Without entries
 * the script checks whether the topic is as it was. Returns "ok", "owner_lost", "epoch_lost", or "differs" when other
 * entries are in the place of these.
 */
export const appendEntries = new Script(`
local meta, stream = KEYS[1], KEYS[2]
local known = redis.call('HMGET', meta, 'epoch', 'head', 'fence', 'bytes')
local expected, count = tonumber(ARGV[3]), (#ARGV - 6) / 2
if not known[1] then return 'epoch_lost' end
if tonumber(known[3]) > tonumber(ARGV[1]) then return 'owner_lost' end
if known[1] ~= ARGV[2] then return 'epoch_lost' end
local head, bytes = tonumber(known[2]), tonumber(known[4])
if head < expected then return 'epoch_lost' end
local present = math.min(head - expected, count)
if present > 0 then
  local there = redis.call('XRANGE', stream, (expected + 1) .. '-0', (expected + present) .. '-0')
  if #there ~= present then return 'differs' end
  for i = 1, present do
    local fields = there[i][2]
    if fields[2] ~= ARGV[5 + 2 * i] or fields[4] ~= ARGV[6 + 2 * i] then return 'differs' end
  end
end
for i = present + 1, count do
  redis.call('XADD', stream, (expected + i) .. '-0', 'of', ARGV[5 + 2 * i], 'json', ARGV[6 + 2 * i])
  bytes = bytes + #ARGV[6 + 2 * i]
end
head = math.max(head, expected + count)
local kept = redis.call('XLEN', stream)
while kept > 1 and (kept > tonumber(ARGV[5]) or bytes > tonumber(ARGV[6])) do
  local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  redis.call('XDEL', stream, oldest[1])
  bytes = bytes - #oldest[2][4]
  kept = kept - 1
end
redis.call('HSET', meta, 'head', head, 'fence', ARGV[1], 'bytes', bytes)
redis.call('PEXPIRE', meta, ARGV[4])
redis.call('PEXPIRE', stream, ARGV[4])
redis.call('SPUBLISH', meta, known[1] .. ':' .. head)
return 'ok'
`);

/** Arguments: "1" for the first of a topic that is to be restored; TTL in ms; the offset before; then two for each entry. */
export const gatherEntries = new Script(
  `
local stream, before = KEYS[1], tonumber(ARGV[3])
if ARGV[1] == '1' then redis.call('DEL', stream) end
for i = 1, (#ARGV - 3) / 2 do
  redis.call('XADD', stream, (before + i) .. '-0', 'of', ARGV[2 + 2 * i], 'json', ARGV[3 + 2 * i])
end
redis.call('PEXPIRE', stream, ARGV[2])
return 'ok'
`,
  ["restored"],
);

/**
 * Puts the entries that were gathered where the topic was, in its epoch. Arguments: fence, epoch, head, bytes, TTL in ms.
 * Returns "ok" or "owner_lost".
 */
export const restoreTopic = new Script(
  `
local meta, stream, restored = KEYS[1], KEYS[2], KEYS[3]
local fence = tonumber(redis.call('HGET', meta, 'fence') or '0')
if fence > tonumber(ARGV[1]) then
  redis.call('DEL', restored)
  return 'owner_lost'
end
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
redis.call('HSET', meta, 'epoch', ARGV[2], 'head', ARGV[3], 'fence', ARGV[1], 'floor', 0, 'bytes', ARGV[4], 'server', server)
redis.call('DEL', stream)
if redis.call('EXISTS', restored) == 1 then redis.call('RENAME', restored, stream) end
redis.call('PEXPIRE', meta, ARGV[5])
redis.call('PEXPIRE', stream, ARGV[5])
redis.call('SPUBLISH', meta, ARGV[2] .. ':' .. ARGV[3])
return 'ok'
`,
  ["meta", "stream", "restored"],
);

/**
 * Arguments: epoch or "" for the oldest entry, offset, the most entries, TTL in ms. Reading a topic renews its TTL.
 * Returns nothing for a missing topic, else epoch, head, gap or "", and the entries.
 */
export const readEntries = new Script(`
local meta, stream = KEYS[1], KEYS[2]
local known = redis.call('HMGET', meta, 'epoch', 'head')
if not known[1] then return false end
redis.call('PEXPIRE', meta, ARGV[4])
redis.call('PEXPIRE', stream, ARGV[4])
local head, offset = tonumber(known[2]), tonumber(ARGV[2])
if ARGV[1] == '' then
  return { known[1], known[2], '', redis.call('XRANGE', stream, '-', '+', 'COUNT', ARGV[3]) }
end
if ARGV[1] ~= known[1] then return { known[1], known[2], 'epoch', {} } end
if offset > head then return { known[1], known[2], 'ahead', {} } end
if offset == head then return { known[1], known[2], '', {} } end
local first = (offset + 1) .. '-0'
local found = redis.call('XRANGE', stream, first, '+', 'COUNT', ARGV[3])
if not found[1] or found[1][1] ~= first then return { known[1], known[2], 'window', {} } end
return { known[1], known[2], '', found }
`);

/**
 * Arguments: fence, epoch, offset, text. The text replaces the one before. Nothing is written for an owner that was
 * replaced, in another epoch, or for a position after the head.
 */
export const keepPosition = new Script(
  `
local known = redis.call('HMGET', KEYS[1], 'fence', 'epoch', 'head')
if known[1] == ARGV[1] and known[2] == ARGV[2] and tonumber(known[3]) >= tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], 'kept_at', ARGV[3], 'kept', ARGV[4])
end
return 'ok'
`,
  ["meta"],
);

/** Arguments: epoch, floor. */
export const raiseFloor = new Script(`
local known = redis.call('HMGET', KEYS[1], 'epoch', 'floor')
if known[1] == ARGV[1] and tonumber(known[2]) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'floor', ARGV[2])
end
return 'ok'
`);

/** Wakes followers in other processes, too. */
export const dropTopic = new Script(`
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SPUBLISH', KEYS[1], '')
return 'ok'
`);
