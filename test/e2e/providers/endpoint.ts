/** An endpoint on loopback that answers each request with the next prepared answer, in one provider's wire format. */
import { createServer, type RequestListener } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Answer, Wire } from "./wires.ts";

export interface Endpoint {
  readonly url: string;
  /** Sets the answers to the next requests. `cut`: the last one ends without a finish reason. */
  answer(answers: readonly Answer[], cut?: boolean): void;
  close(): Promise<void>;
}

/** `http2`: as AWS's SDK speaks to Bedrock. */
export async function endpoint(wire: (answer: Answer) => Wire, http2 = false): Promise<Endpoint> {
  let waiting: { readonly answer: Answer; readonly cut: boolean }[] = [];
  const listener: RequestListener = (request, response) => {
    request.resume();
    request.on("end", () => {
      const next = waiting.shift();
      if (!next) return void response.writeHead(500).end("Nothing is left to say.");
      const { type, frames, endings } = wire(next.answer);
      response.writeHead(200, { "content-type": type });
      for (const frame of next.cut ? frames.slice(0, -endings) : frames) response.write(frame);
      response.end();
    });
  };
  const server = http2 ? createHttp2Server(listener as never) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer(answers, cut = false) {
      waiting = answers.map((answer, index) => ({ answer, cut: cut && index === answers.length - 1 }));
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
