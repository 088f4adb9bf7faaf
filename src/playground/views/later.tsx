/** The parts of the page that a conversation begins without. They are fetched together: small files weigh more. */
export { answerAgain } from "../state/again.ts";
export { DeleteForm } from "./delete-form.tsx";
export { EditForm } from "./edit-form.tsx";
export { Interrupts } from "./interrupt-form.tsx";
export { NoWebSocket } from "./no-web-socket.tsx";
export { Missed, Refused } from "./notices.tsx";
export { StatePanel } from "./state-panel.tsx";
export { ToolDetails } from "./tool-details.tsx";
