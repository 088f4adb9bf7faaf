/** `npm run build`: builds always. */
import { build, ensureInstalled } from "./setup.mjs";

ensureInstalled();
build();
