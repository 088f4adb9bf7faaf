/**
 * The parts of the page that are not needed at first. They are fetched together, because many small files cost more.
 */
export { answerAgain } from "../state/again.ts";
export { DeleteForm } from "./delete-form.tsx";
export { EditForm } from "./edit-form.tsx";
export { Interrupts } from "./interrupt-form.tsx";
export { NoWebSocket } from "./no-web-socket.tsx";
export { Missed, Refused } from "./notices.tsx";
export { StatePanel } from "./state-panel.tsx";
export { ToolDetails } from "./tool-details.tsx";
