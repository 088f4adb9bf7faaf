/** The parts of the page that servers with a sign-in need. */
export { signOut } from "../state/sign-in.ts";
export { SignIn } from "./sign-in.tsx";
