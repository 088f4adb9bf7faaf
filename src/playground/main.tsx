import { render } from "preact";
import { startPage } from "./state/start.ts";
import { App } from "./views/app.tsx";

const page = document.getElementById("page");
if (page) {
  startPage();
  render(<App />, page);
}
