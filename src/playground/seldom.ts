/**
 * The parts of the page that most conversations do not use. They are fetched together, because many small files cost
 * more.
 */
export { openShare } from "./state/shared.ts";
export { signOut } from "./state/sign-in.ts";
export { steer } from "./state/steering.ts";
export { bareTransport } from "./transport/bare.ts";
export { sseTransport } from "./transport/sse.ts";
export { Attached } from "./views/attached.tsx";
export { attach } from "./views/attachments.ts";
export { Injected } from "./views/injected.tsx";
export { ShareForm } from "./views/share-form.tsx";
export { SharedThread } from "./views/shared-thread.tsx";
export { SignIn } from "./views/sign-in.tsx";
