/** What the demo model says about a portfolio, in one language. `about` is the name of a holding or a kind. */
export interface Phrases {
  readonly hello: Readonly<Record<string, string>>;
  readonly bye: Readonly<Record<string, string>>;
  /** Names of kinds of holdings. */
  readonly kinds: Readonly<Record<string, string>>;
  readonly sample: string;
  readonly ask: string;
  readonly worth: (total: string, holdings: number) => string;
  /** When nothing has a value. */
  readonly unvalued: string;
  readonly shares: (holdings: number) => string;
  readonly largest: (about: string, weight: string) => string;
  readonly risk: (level: string, effective: string) => string;
  readonly levels: Readonly<Record<string, string>>;
  readonly concerns: Readonly<Record<string, (about: string, weight: string) => string>>;
  readonly result: (invested: string, value: string, gain: string, percent: string) => string;
  readonly noResult: string;
  readonly remarks: Readonly<Record<string, (about: string, percent: string) => string>>;
  readonly consider: Readonly<Record<string, string>>;
  readonly actions: Readonly<Record<string, (about: string) => string>>;
  readonly assumptions: Readonly<Record<string, (about: string) => string>>;
  readonly disclaimer: string;
}
