/** From here on this process imports `.js` files by their syntax, whatever the `type` of their package. */
import { register } from "node:module";

register(import.meta.url.replace(/(\.[jt]s)$/, "-hooks$1"));
