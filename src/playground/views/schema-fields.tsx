import type { Field } from "../interrupts/schema.ts";

interface FieldsProps {
  /** The prefix of the ids of the inputs. */
  readonly id: string;
  readonly fields: readonly Field[];
  readonly values: Readonly<Record<string, string>>;
  readonly onChange: (name: string, value: string) => void;
}

export function SchemaFields({ id, fields, values, onChange }: FieldsProps) {
  return (
    <>
      {fields.map((field) => (
        <div key={field.name} class={field.kind === "boolean" ? "labelled check" : "labelled"}>
          <label for={`${id}-${field.name}`}>
            {field.label}
            {!field.required && <span class="quiet"> (optional)</span>}
          </label>
          <Input
            id={`${id}-${field.name}`}
            field={field}
            value={values[field.name] ?? field.initial}
            onChange={(value) => onChange(field.name, value)}
          />
          {field.hint && (
            <p class="quiet small" id={`${id}-${field.name}-hint`}>
              {field.hint.replace(/^for \w+:\s*(.)/i, (_, first: string) => first.toUpperCase())}
            </p>
          )}
        </div>
      ))}
    </>
  );
}

interface InputProps {
  readonly id: string;
  readonly field: Field;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Input({ id, field, value, onChange }: InputProps) {
  const common = { id, "aria-describedby": field.hint ? `${id}-hint` : undefined };
  switch (field.kind) {
    case "boolean":
      return (
        <input
          {...common}
          type="checkbox"
          checked={value === "true"}
          onChange={({ currentTarget }) => onChange(String(currentTarget.checked))}
        />
      );
    case "choice":
      return (
        <select {...common} class="field" value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
          {!field.required && <option value="" />}
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      );
    case "number":
      return (
        <input
          {...common}
          class="field"
          inputMode={field.integer ? "numeric" : "decimal"}
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      );
    default: {
      const rows = field.kind === "json" ? 5 : Math.min(8, Math.max(1, value.split("\n").length, value.length / 70));
      return (
        <textarea
          {...common}
          class={field.kind === "json" ? "field mono" : "field"}
          dir="auto"
          rows={Math.ceil(rows)}
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      );
    }
  }
}
