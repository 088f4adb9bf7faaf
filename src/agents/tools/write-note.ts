import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tool } from "@langchain/core/tools";
import { z } from "zod";

/** The fields of a note. */
export const noteSchema = z.object({
  title: z.string().trim().min(1).max(200).describe("A few words that say what the note is about."),
  text: z.string().trim().min(1).max(20_000).describe("The note itself, in Markdown."),
});

export type Note = z.infer<typeof noteSchema>;

/** In characters, short enough for a file name in any script. */
const MAX_SLUG = 50;
// Windows takes these for devices, whatever the extension.
const DEVICES = /^(?:con|prn|aux|nul|com\d|lpt\d)$/;

/**
 * Writes notes as Markdown files named after their titles. It never overwrites a note: the second note with a name gets
 * -2.
 *
 * @param folder - where they go; made when the first is written
 */
export function writeNote(folder: string) {
  return tool(
    async ({ title, text }) => {
      const heading = title.replace(/\s+/g, " ");
      const file = await writeNew(folder, slug(heading), `# ${heading}\n\n${text}\n`);
      // The whole note, since the person may have changed what the model proposed.
      return `Wrote “${heading}” to ${file}: ${text}`;
    },
    {
      name: "write_note",
      description: "Write a note into the folder of notes. The person is asked for approval before it is written.",
      schema: noteSchema,
    },
  );
}

/** Writes to the first name that is free. */
async function writeNew(folder: string, name: string, content: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    for (let n = 1; ; n += 1) {
      const file = n === 1 ? `${name}.md` : `${name}-${n}.md`;
      if (await created(join(folder, file), content)) return file;
    }
  } catch (error) {
    // The system's own message has the path in it, and this one reaches the model and the client.
    throw new Error(`The note could not be written (${codeOf(error) ?? "unknown error"}).`, { cause: error });
  }
}

/** `wx` fails when the file is there, so that two notes at once cannot get the same name. */
async function created(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Letters and digits of any script with single dashes between them: nothing that could lead out of the folder. */
function slug(title: string): string {
  const dashed = title
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, "-");
  // Cut by code points, so that no character is cut in half.
  const name = [...dashed.replace(/^-/, "")].slice(0, MAX_SLUG).join("").replace(/-$/, "") || "note";
  return DEVICES.test(name) ? `note-${name}` : name;
}
