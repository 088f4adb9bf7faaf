import type { Phrases } from "./phrases.ts";

export const en: Phrases = {
  hello: {
    banker: "Good day. Allow me to go through your portfolio with you.",
    captain: "Ahoy! Let us see what you have in the hold.",
    grandmother: "Sit down, my dear, and let me have a look at your money.",
    coach: "Listen up. Here is where we stand.",
  },
  bye: {
    banker: "I remain at your service.",
    captain: "Fair winds, and keep an eye on the ballast.",
    grandmother: "And now eat something.",
    coach: "You can do this. Out you go.",
  },
  kinds: {
    ...{ stock: "stocks", fund: "funds", bond: "bonds", cash: "cash", crypto: "crypto", metal: "metals" },
    ...{ property: "property", other: "other holdings" },
  },
  sample:
    "One thing first: I am a demo model and cannot see images. So I took a made-up sample portfolio; the figures below are not yours.",
  ask: "I found no holdings in your message. Paste them in, in words, as a list or as a table, for example: AAPL 10 @ 180, now 210; 5000 USD cash; 30% bonds.",
  worth: (total, holdings) => `You have about ${total} in ${holdings} holdings.`,
  unvalued: "I see what you hold, but not what it is worth. Tell me prices or sums, and I can weigh it.",
  shares: (holdings) => `You named the shares of ${holdings} holdings, and no sums.`,
  largest: (about, weight) => `The largest is ${about}, with ${weight} of the whole.`,
  risk: (level, effective) =>
    `The risk is **${level}**. Your money is spread as if you had ${effective} holdings of the same size.`,
  levels: { low: "low", medium: "moderate", high: "high" },
  concerns: {
    single_holding: (about, weight) => `${weight} of it is in ${about} alone: what happens there happens to you.`,
    few_holdings: () => "These are few holdings, so each of them matters a lot.",
    volatile: (about, weight) => `${weight} of it is in ${about}, and little else swings as much.`,
    no_reserve: () => "There is hardly any cash for when you need some quickly.",
    idle_cash: (_, weight) => `Cash makes up ${weight}, and inflation eats it slowly.`,
  },
  result: (invested, value, gain, percent) =>
    `Where I know both prices, you paid ${invested} and have ${value} now: ${gain}, or ${percent}.`,
  noResult: "I cannot tell how it has done: for that I need what you paid and what it is worth now.",
  remarks: {
    helps: (about, percent) => `${about} helped most, with ${percent}.`,
    hurts: (about, percent) => `${about} held you back, with ${percent}.`,
    unknown: (about) => `Of ${about} I do not know both prices.`,
  },
  consider: {
    banker: "If I may, you might consider the following:",
    captain: "If I stood at your helm:",
    grandmother: "If you ask me:",
    coach: "For the second half:",
  },
  actions: {
    reduce: (about) => `Reduce ${about} step by step.`,
    increase: (about) => `Build up ${about}, to about three months of your expenses.`,
    diversify: () => "Spread it wider, for instance with a broad index fund.",
    review: (about) => `Add today's prices of ${about}, and ask me again.`,
    hold: () => "Leave it as it is, and look again in half a year.",
  },
  assumptions: {
    valued_at_cost: (about) => `I counted ${about} at what you paid.`,
    rough_exchange_rates: (about) => `I converted ${about} at rough exchange rates.`,
    not_valued: (about) => `I left out ${about}, for want of a value.`,
  },
  disclaimer: "This is no financial advice.",
};
