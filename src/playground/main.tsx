import { render } from "preact";
import { shareInHash } from "./state/session.ts";
import { startPage } from "./state/start.ts";
import { App } from "./views/app.tsx";

const page = document.getElementById("page");
const secret = shareInHash();
addEventListener("hashchange", (event) => {
  // A link to a shared thread is another page.
  if (secret === undefined && shareInHash() === undefined) return;
  event.stopImmediatePropagation();
  location.reload();
});
if (page && secret !== undefined) {
  void import("./seldom.ts").then(({ openShare, SharedThread }) => {
    openShare(secret);
    render(<SharedThread />, page);
  });
} else if (page) {
  startPage();
  render(<App />, page);
}
