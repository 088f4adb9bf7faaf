import type { Attachment } from "./attachments.ts";
import { Icon } from "./icons.tsx";

interface AttachedProps {
  readonly attached: readonly Attachment[];
  readonly onChange: (attached: readonly Attachment[]) => void;
}

/** The files attached to the message that is being written. */
export function Attached({ attached, onChange }: AttachedProps) {
  return (
    <ul class="attachments" aria-label="Attached">
      {attached.map((one) => (
        <li key={one.id}>
          {one.preview ? <img src={one.preview} alt="" /> : <Icon name="file" size={20} />}
          <span class="name">{one.name}</span>
          <button
            type="button"
            class="action"
            aria-label={`Remove ${one.name}`}
            onClick={() => onChange(attached.filter((other) => other !== one))}
          >
            <Icon name="close" size={12} />
          </button>
        </li>
      ))}
    </ul>
  );
}
