/** The AG-UI events of a response, as they arrive. */
import { readSse } from "../../src/client/sse.ts";

export async function* eventsOf(response: Response): AsyncGenerator<Record<string, unknown>> {
  if (!response.ok || !response.body)
    throw new Error(`answered ${response.status} ${(await response.text()).slice(0, 200)}`);
  for await (const { data } of readSse(response.body)) yield JSON.parse(data) as Record<string, unknown>;
}
