/** Images and other files in a message's content: LangChain's blocks, OpenAI's, Anthropic's and those of MCP, as AG-UI's parts. */
import type { ContentPart } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";

type Block = Readonly<Record<string, unknown>>;
type MediaPart = Exclude<ContentPart, { type: "text" }>;
type Source = MediaPart["source"];

const KINDS: ReadonlyMap<unknown, MediaPart["type"]> = new Map([
  ["image", "image"],
  ["image_url", "image"],
  ["input_image", "image"],
  ["audio", "audio"],
  ["input_audio", "audio"],
  ["video", "video"],
  ["file", "document"],
  ["input_file", "document"],
  ["document", "document"],
  ["resource", "document"],
] as const);

/** The part for such a block; `undefined` for other blocks, and for blocks without the file itself. */
export function mediaPart(block: Block): MediaPart | undefined {
  const kind = KINDS.get(block.type);
  const source = kind && sourceOf(block);
  if (!source) return undefined;
  // A file block may hold an image. Its media type shows that.
  const named = /^(image|audio|video)\//.exec(source.mimeType ?? "")?.[1] as MediaPart["type"] | undefined;
  return { type: kind === "document" ? (named ?? kind) : kind, source } as MediaPart;
}

/** The file's address or content. Its place in the block differs with the library that made it. */
function sourceOf(block: Block): Source | undefined {
  const inner = [block.source, block.image_url, block.input_audio, block.file, block.resource].find(isRecord) ?? {};
  const fields = { ...block, ...inner };
  const { format } = fields;
  const audio = typeof format === "string" ? `audio/${format}` : undefined;
  const mimeType = text(fields.mime_type ?? fields.mimeType ?? fields.media_type) ?? audio;
  const data = fields.data ?? fields.blob ?? fields.file_data;
  const bytes = data instanceof Uint8Array ? Buffer.from(data).toString("base64") : text(data);
  const address = text(fields.url) ?? text(block.image_url);
  const id = text(fields.fileId ?? fields.file_id) ?? (block.source_type === "id" ? text(block.id) : undefined);
  if (bytes !== undefined && inner.type !== "text") return dataSource(bytes, mimeType);
  if (address !== undefined) return urlSource(address, mimeType);
  return id === undefined ? undefined : { type: "file", value: id, ...(mimeType ? { mimeType } : {}) };
}

function dataSource(data: string, mimeType = "application/octet-stream"): Source {
  return data.startsWith("data:") ? (dataUrl(data) ?? plainData(data, mimeType)) : plainData(data, mimeType);
}

/** Only addresses that a page may load without harm. */
function urlSource(url: string, mimeType: string | undefined): Source | undefined {
  if (url.startsWith("data:")) return dataUrl(url);
  return /^https?:/i.test(url) ? { type: "url", value: url, ...(mimeType ? { mimeType } : {}) } : undefined;
}

function dataUrl(url: string): Source | undefined {
  const found = /^data:([^;,]{1,100})(?:;[^,;]{1,100})*;base64,/.exec(url);
  return found?.[1] ? plainData(url.slice(found[0].length), found[1]) : undefined;
}

function plainData(value: string, mimeType: string): Source {
  return { type: "data", value, mimeType };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
