import "@copilotkit/react-core/v2/styles.css";
import "./style.css";

export const metadata = { title: "Chat" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
