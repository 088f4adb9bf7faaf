import { type Theme, theme } from "../state/settings.ts";
import { Icon, type IconName } from "./icons.tsx";

const NEXT: Readonly<Record<Theme, { next: Theme; icon: IconName; says: string }>> = {
  system: { next: "light", icon: "half", says: "Theme: like the system" },
  light: { next: "dark", icon: "sun", says: "Theme: light" },
  dark: { next: "system", icon: "moon", says: "Theme: dark" },
};

export function ThemeSwitch() {
  const { next, icon, says } = NEXT[theme.value];
  return (
    <button
      type="button"
      class="button icon bare"
      aria-label={says}
      title={says}
      onClick={() => {
        theme.value = next;
      }}
    >
      <Icon name={icon} />
    </button>
  );
}
