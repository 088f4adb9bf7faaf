/** `npm run build`: builds in any case. */
import { build, ensureInstalled } from "./setup.mjs";

ensureInstalled();
build();
