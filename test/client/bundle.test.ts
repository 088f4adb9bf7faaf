/** The part of the client that a browser loads. */
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { expect, it } from "vitest";

const bundle = (entry: string, external: string[] = []) =>
  build({
    entryPoints: [fileURLToPath(new URL(`../../src/client/${entry}`, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "esm",
    external,
  });

/** Returns the rooms of the bundled files. A package's file would be in another room. */
const rooms = ({ inputs }: Metafile) =>
  new Set(Object.keys(inputs).map((path) => path.replace(/^src\//, "").split("/", 1)[0]));

it("the connection stands alone, and is small", async () => {
  // Fails on anything that only Node has.
  const { outputFiles, metafile } = await bundle("connection.ts");
  expect(rooms(metafile)).toEqual(new Set(["client", "protocol"]));
  expect(outputFiles[0]?.contents.length).toBeLessThan(10_000);
});

it("the agent needs @ag-ui/client and rxjs besides, and nothing of the server's", async () => {
  const { metafile } = await bundle("index.ts", ["@ag-ui/client", "rxjs"]);
  expect(rooms(metafile)).toEqual(new Set(["client", "protocol"]));
  const [output] = Object.values(metafile.outputs);
  expect(new Set(output?.imports.map(({ path }) => path))).toEqual(new Set(["@ag-ui/client", "rxjs"]));
});
