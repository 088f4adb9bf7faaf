/** The icons on buttons. Screen readers skip them and read the button's name. */

const PATHS = {
  plus: "M8 3v10M3 8h10",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  close: "M4 4l8 8M12 4l-8 8",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5M6.8 7v3.5M9.2 7v3.5",
  share:
    "M6.2 9L9.8 7M6.2 9L9.8 11M4.5 7.5a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4zM11.5 4.2a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4zM11.5 10.4a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4z",
  send: "M8 13V3.5M4 7.2l4-4 4 4",
  stop: "M4.5 4.5h7v7h-7z",
  clip: "M12.5 7.5l-4.7 4.7a2.6 2.6 0 0 1-3.7-3.7l5-5a1.8 1.8 0 0 1 2.5 2.5l-4.9 4.9a.9.9 0 0 1-1.3-1.3l4.3-4.3",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  pen: "M3 13l.7-2.8 7-7 2.1 2.1-7 7zM9.5 4.5l2 2",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.5h-2.5",
  down: "M8 3v9.5M4 9l4 4 4-4",
  chevron: "M6 4l4 4-4 4",
  check: "M3 8.5l3.2 3.2L13 4.8",
  cross: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  tool: "M9.5 3.2a3 3 0 0 0-3.6 3.9L2.8 10.2a1.4 1.4 0 0 0 2 2l.9-.9M9.5 3.2L8.3 5.5l1.9 1.9 2.5-1.3a3 3 0 0 1-3.9 3.7L6 12.5",
  thought: "M8 2.5a4 4 0 0 0-2.3 7.3c.5.4.8.9.8 1.5h3c0-.6.3-1.1.8-1.5A4 4 0 0 0 8 2.5zM6.7 13.5h2.6",
  braces: "M6.2 3C3.8 3 5.4 7.6 3 8c2.4.4.8 5 3.2 5M9.8 3c2.4 0 .8 4.6 3.2 5-2.4.4-.8 5-3.2 5",
  gauge: "M2.5 11.5a5.5 5.5 0 1 1 11 0M8 11.5l2.7-4",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1",
  moon: "M12.8 9.8A5.3 5.3 0 0 1 6.2 3.2a5.3 5.3 0 1 0 6.6 6.6z",
  half: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="sign"
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
