import { createRoot } from "react-dom/client";
import { Chat } from "./Chat.jsx";
import "./style.css";

// The thread is part of the address: a reload shows it again.
location.hash ||= crypto.randomUUID();

createRoot(document.getElementById("root")).render(<Chat threadId={location.hash.slice(1)} />);
