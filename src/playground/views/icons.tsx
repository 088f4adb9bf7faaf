/** The few signs on buttons. They say nothing to a screen reader: the button's name does. */

const PATHS = {
  plus: "M8 3v10M3 8h10",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  close: "M4 4l8 8M12 4l-8 8",
  trash: "M3 4.500h10M6.500 4.500V3h3v1.500M4.500 4.500l.5 8.500h6l.5-8.500M6.800 7v3.500M9.200 7v3.500",
  send: "M8 13V3.500M4 7.200l4-4 4 4",
  stop: "M4.500 4.500h7v7h-7z",
  clip: "M12.500 7.500l-4.700 4.700a2.600 2.600 0 0 1-3.700-3.700l5-5a1.800 1.800 0 0 1 2.500 2.500l-4.900 4.900a.9.9 0 0 1-1.300-1.300l4.300-4.300",
  copy: "M5.500 5.500V3h7.500v7.500h-2.500M3 5.500h7.500V13H3z",
  pen: "M3 13l.7-2.800 7-7 2.100 2.100-7 7zM9.500 4.500l2 2",
  again: "M13 8a5 5 0 1 1-1.600-3.700M13 2.500v2.500h-2.500",
  down: "M8 3v9.500M4 9l4 4 4-4",
  chevron: "M6 4l4 4-4 4",
  check: "M3 8.500l3.200 3.200L13 4.800",
  cross: "M4.500 4.500l7 7M11.500 4.500l-7 7",
  tool: "M9.500 3.200a3 3 0 0 0-3.600 3.900L2.800 10.200a1.400 1.400 0 0 0 2 2l.9-.9M9.500 3.200L8.300 5.500l1.900 1.900 2.500-1.300a3 3 0 0 1-3.900 3.700L6 12.500",
  thought:
    "M8 2.500a4 4 0 0 0-2.300 7.300c.5.4.8.9.8 1.500h3c0-.6.3-1.100.8-1.500A4 4 0 0 0 8 2.500zM6.700 13.500h2.600",
  gauge: "M2.500 11.500a5.500 5.500 0 1 1 11 0M8 11.500l2.700-4",
  sun: "M8 5.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600zM8 1.500V3M8 13v1.500M1.500 8H3M13 8h1.500M3.400 3.400l1.100 1.100M11.500 11.500l1.100 1.100M3.400 12.600l1.100-1.100M11.500 4.500l1.100-1.100",
  moon: "M12.800 9.800A5.300 5.300 0 0 1 6.200 3.200a5.300 5.300 0 1 0 6.600 6.600z",
  half: "M8 2.500a5.500 5.500 0 1 0 0 11zM8 2.500a5.500 5.500 0 0 1 0 11",
  file: "M4 2.500h5l3 3v8H4zM9 2.500v3h3",
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
