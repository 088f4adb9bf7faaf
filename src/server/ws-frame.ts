/**
 * A text message as a WebSocket frame. A server's frames have no mask, so the readers of a topic, which are sent the
 * same text one after the other, share one buffer. `ws` would make a header for each of them, and write twice.
 */

/** FIN, and the opcode of text. */
const TEXT = 0x81;

let last: { readonly text: string; readonly frame: Buffer } | undefined;

/**
 * The frame is shared, and not to be changed. It is written to the connection below a socket, so the socket's `ws` must
 * not compress.
 */
export function textFrame(text: string): Buffer {
  if (last?.text === text) return last.frame;
  const bytes = Buffer.byteLength(text);
  const start = bytes < 126 ? 2 : bytes < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + bytes);
  frame[0] = TEXT;
  if (start === 2) frame[1] = bytes;
  else if (start === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(bytes, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(bytes), 2);
  }
  frame.write(text, start);
  // A large one would be held for nothing.
  if (start < 10) last = { text, frame };
  return frame;
}
