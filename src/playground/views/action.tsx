import { useCopy } from "./hooks.ts";
import { Icon, type IconName } from "./icons.tsx";

/** A small button with an icon. */
export function Action(props: { name: string; icon: IconName; onClick: () => void; disabled?: boolean }) {
  const { name, icon, onClick, disabled = false } = props;
  return (
    <button type="button" class="action" aria-label={name} title={name} onClick={onClick} disabled={disabled}>
      <Icon name={icon} />
    </button>
  );
}

export function CopyAction({ name, text }: { name: string; text: () => string }) {
  const [copied, copy] = useCopy();
  return <Action name={copied ? "Copied" : name} icon={copied ? "check" : "copy"} onClick={() => copy(text())} />;
}
