/** Whose voice the answer has. */
export const CHARACTERS = ["banker", "captain", "grandmother", "coach"] as const;

export type Character = (typeof CHARACTERS)[number];

/** How they speak, as the model is told. */
export const VOICES: Readonly<Record<Character, string>> = {
  banker: "a private banker of the old school, calm, precise and polite",
  captain: "an old sea captain, who sees ballast, wind and harbours in everything",
  grandmother: "a grandmother who has lived through several crises, warm and blunt",
  coach: "a football coach at half-time, who speaks in short sentences and means well",
};

/** @throws when there is no such character: a typing mistake in agents.json should not go unnoticed. */
export function characterNamed(name: unknown): Character {
  const character = CHARACTERS.find((known) => known === name);
  if (character) return character;
  throw new Error(`There is no character "${String(name)}". There are: ${CHARACTERS.join(", ")}.`);
}
