/** The voices that an answer may have. */
export const CHARACTERS = ["banker", "captain", "grandmother", "coach"] as const;

export type Character = (typeof CHARACTERS)[number];

/** The manner of speaking, in the model's prompt. */
export const VOICES: Readonly<Record<Character, string>> = {
  banker: "a private banker of the old school, calm, precise and polite",
  captain: "an old sea captain, who sees ballast, wind and harbours in everything",
  grandmother: "a grandmother who has lived through several crises, warm and blunt",
  coach: "a football coach at half-time, who speaks in short sentences and means well",
};

/** The character that a message names, as in "like an old sea captain". */
export function characterIn(text: string): Character | undefined {
  return CHARACTERS.find((name) => new RegExp(`\\b${name}\\b`, "i").test(text));
}

/** @throws when there is no such character: a typing mistake in agents.json should not go unnoticed. */
export function characterNamed(name: unknown): Character {
  const character = CHARACTERS.find((known) => known === name);
  if (character) return character;
  throw new Error(`There is no character "${String(name)}". There are: ${CHARACTERS.join(", ")}.`);
}
