/** Prepares files and images for a message. */
import type { ContentPart } from "../../protocol/events.ts";

export interface Attachment {
  readonly id: number;
  readonly name: string;
  readonly part: Exclude<ContentPart, { type: "text" }>;
  /** The size as sent. */
  readonly bytes: number;
  /** For an image. */
  readonly preview: string | undefined;
}

/** The composer has the same limit for the whole message. */
const MOST_BYTES = 1_000_000;

/** Images with more bytes are scaled down. */
const IMAGE_BYTES = 350_000;
const IMAGE_EDGES = [1_600, 1_200, 800, 512];

let made = 0;

/** @throws Error with a sentence for the person who chose the file. */
export async function attach(file: File): Promise<Attachment> {
  const image = file.type.startsWith("image/");
  const blob = image ? await smaller(file) : file;
  const value = await base64(blob);
  if (value.length > MOST_BYTES)
    throw new Error(`${file.name || "The file"} is too large: a message may have 1 MiB in all.`);
  const source = { type: "data" as const, value, mimeType: blob.type || "application/octet-stream" };
  made += 1;
  return {
    id: made,
    name: file.name || (image ? "Image" : "File"),
    part: { type: kindOf(file.type), source, metadata: { name: file.name } },
    bytes: value.length,
    preview: image ? `data:${source.mimeType};base64,${value}` : undefined,
  };
}

function kindOf(mimeType: string): "image" | "audio" | "video" | "document" {
  const kind = mimeType.split("/", 1)[0];
  return kind === "image" || kind === "audio" || kind === "video" ? kind : "document";
}

/**
 * Returns the image, or a version scaled down until it is small enough. An image that cannot be drawn is returned
 * unchanged.
 */
async function smaller(file: File): Promise<Blob> {
  if (file.size <= IMAGE_BYTES) return file;
  let smallest: Blob = file;
  try {
    const bitmap = await createImageBitmap(file);
    for (const edge of IMAGE_EDGES) {
      const scale = Math.min(1, edge / Math.max(bitmap.width, bitmap.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(bitmap.width * scale);
      canvas.height = Math.round(bitmap.height * scale);
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const drawn = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
      if (drawn && drawn.size < smallest.size) smallest = drawn;
      if (smallest.size <= IMAGE_BYTES) break;
    }
    bitmap.close();
  } catch {
    return file; // This browser cannot draw this kind of image. Its size is checked later.
  }
  return smallest;
}

function base64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",", 2)[1] ?? "");
    reader.onerror = () => reject(new Error("The file could not be read."));
    reader.readAsDataURL(blob);
  });
}
