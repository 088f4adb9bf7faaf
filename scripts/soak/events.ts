/** The AG-UI events of a response, as they arrive. A line that is no event is skipped. */
export async function* eventsOf(response: Response): AsyncGenerator<Record<string, unknown>> {
  if (!response.ok || !response.body)
    throw new Error(`answered ${response.status} ${(await response.text()).slice(0, 200)}`);
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice(5)) as Record<string, unknown>;
  }
}
