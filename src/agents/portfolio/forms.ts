/** The forms that the portfolio agent's models fill in, and with them the shape of its state. */
import { z } from "zod";
import { CHARACTERS } from "./characters.ts";

// Every field is required and may be null, because endpoints that enforce a schema do not support optional fields.
const figure = (what: string) => z.number().nonnegative().nullable().describe(`${what} Null if not said.`);
const why = z.string().describe("One sentence for the owner.");

const holding = z.object({
  name: z.string().describe('As the person calls it, such as "AAPL", "cash" or "bonds".'),
  kind: z.enum(["stock", "fund", "bond", "cash", "crypto", "metal", "property", "other"]),
  quantity: figure("How many pieces."),
  cost: figure("What one piece was bought for; a single price without further words is that."),
  price: figure("What one piece is worth now."),
  value: figure("What all of it is worth, where that is given as one sum."),
  percent: figure("Its share of the whole in percent, where it is given so."),
  currency: z.string().nullable().describe("ISO 4217 code. Null if not said."),
});

/** A person's holdings, and where they were read. */
export const portfolioForm = z.object({
  holdings: z.array(holding).describe("Empty if the message names none."),
  origin: z.enum(["text", "image"]).describe("Where they are from."),
});

/** The form in which a model reads a message that plain code does not understand. */
export const conversionForm = portfolioForm.extend({
  character: z.enum(CHARACTERS).nullable().describe("Whose voice they ask for. Null if they do not."),
});

export const concernsForm = z.object({
  concerns: z
    .array(
      z.object({
        kind: z.enum(["single_holding", "few_holdings", "volatile", "no_reserve", "idle_cash", "other"]),
        about: z.string().describe("The holding or the kind of holdings."),
        why,
      }),
    )
    .describe("At most three, the gravest first. None if there are none."),
});

export const remarksForm = z.object({
  remarks: z
    .array(z.object({ effect: z.enum(["helps", "hurts", "unknown"]), about: z.string().describe("The holding."), why }))
    .describe("At most three."),
});

export const recommendationsForm = z.object({
  recommendations: z
    .array(
      z.object({
        action: z.enum(["reduce", "increase", "diversify", "review", "hold"]),
        about: z.string().describe("The holding or the kind of holdings."),
        why,
      }),
    )
    .describe("At most four, the most important first."),
});

export type Holding = z.infer<typeof holding>;
export type Portfolio = z.infer<typeof portfolioForm>;
export type Concerns = z.infer<typeof concernsForm>;
export type Remarks = z.infer<typeof remarksForm>;
export type Recommendations = z.infer<typeof recommendationsForm>;
