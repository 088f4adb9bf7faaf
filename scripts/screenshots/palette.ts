/** Converts a browser's PNG to one with a palette. A page has few colours, so the file becomes much smaller. */
import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS = 256;

/** Returns the same picture with at most 256 colours. `png`: eight bits per channel, not interlaced. */
export function withPalette(png: Buffer): Buffer {
  const { width, height, pixels } = decode(png);
  const counts = new Map<number, number>();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = chosen(counts);
  const nearest = new Map([...counts.keys()].map((colour) => [colour, indexOfNearest(colour, palette)]));
  const rows = Buffer.alloc(height * (width + 1)); // Each row begins with its filter type, 0 for none.
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = nearest.get(pixels[y * width + x] ?? 0) ?? 0;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap(parts))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Returns the most frequent colours, only one of several similar ones. */
function chosen(counts: ReadonlyMap<number, number>): number[] {
  const buckets = new Map<number, { colour: number; most: number; sum: number }>();
  for (const [colour, count] of counts) {
    const key = colour & 0xf8f8f8;
    const { colour: known = colour, most = 0, sum = 0 } = buckets.get(key) ?? {};
    buckets.set(key, { colour: count > most ? colour : known, most: Math.max(most, count), sum: sum + count });
  }
  const bySum = [...buckets.values()].sort((a, b) => b.sum - a.sum).map(({ colour }) => colour);
  const byCount = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  // First the exact colours of areas and lines, then the colours of smoothed letter edges.
  return [...new Set([...byCount.slice(0, 32), ...bySum])].slice(0, COLOURS);
}

function indexOfNearest(colour: number, palette: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = parts(colour);
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, other] of palette.entries()) {
    const [r = 0, g = 0, b = 0] = parts(other);
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}

function parts(colour: number): number[] {
  return [colour >> 16, (colour >> 8) & 0xff, colour & 0xff];
}

interface Picture {
  readonly width: number;
  readonly height: number;
  /** The pixels row by row, each as 0xRRGGBB. */
  readonly pixels: Uint32Array;
}

function decode(png: Buffer): Picture {
  const data: Buffer[] = [];
  let [width, height, channels] = [0, 0, 0];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      channels = { 2: 3, 6: 4 }[body[9] ?? 0] ?? 0;
      if (channels === 0 || body[8] !== 8 || body[12] !== 0) throw new Error("Not a PNG that a browser writes.");
    }
    if (type === "IDAT") data.push(body);
    at += length + 12;
  }
  const bytes = unfiltered(inflateSync(Buffer.concat(data)), width * channels, channels);
  const pixels = Uint32Array.from({ length: width * height }, (_, index) => bytes.readUIntBE(index * channels, 3));
  return { width, height, pixels };
}

/** Reverses the filter of each row. */
function unfiltered(data: Buffer, stride: number, channels: number): Buffer {
  const rows = data.length / (stride + 1);
  const out = Buffer.alloc(rows * stride);
  for (let row = 0; row < rows; row += 1) {
    const filter = data[row * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = row * stride + x;
      const left = x >= channels ? (out[at - channels] ?? 0) : 0;
      const up = row > 0 ? (out[at - stride] ?? 0) : 0;
      const corner = row > 0 && x >= channels ? (out[at - stride - channels] ?? 0) : 0;
      const raw = data[row * (stride + 1) + 1 + x] ?? 0;
      out[at] = raw + ([0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0);
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), body]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
