/** Server-sent events as Sluice writes them, from the body of a response. */

export interface SseFrame {
  readonly id: string | undefined;
  readonly data: string;
}

/** The frames in the order they come. Ends when the body ends, and throws when it is cut. */
export async function* sseFrames(body: ReadableStream<Uint8Array>): AsyncGenerator<SseFrame> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const frames = rest.split("\n\n");
      rest = frames.pop() ?? "";
      for (const frame of frames) {
        const read = parse(frame);
        if (read) yield read;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // It may have ended already.
  }
}

function parse(frame: string): SseFrame | undefined {
  let id: string | undefined;
  let data: string | undefined;
  for (const line of frame.split("\n")) {
    if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("data: ")) data = data === undefined ? line.slice(6) : `${data}\n${line.slice(6)}`;
  }
  return data === undefined ? undefined : { id, data };
}
