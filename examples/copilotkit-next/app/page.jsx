import { Chat } from "./Chat.jsx";

export default function Page() {
  return <Chat />;
}
