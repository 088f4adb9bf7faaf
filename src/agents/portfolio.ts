import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { z } from "zod";
import { type Models, nodeModel } from "./node-model.ts";
import { type PerformanceFigures, performanceOf, type RiskFigures, riskOf } from "./portfolio/analysis.ts";
import { type Character, characterIn, characterNamed, VOICES } from "./portfolio/characters.ts";
import {
  type Concerns,
  concernsForm,
  conversionForm,
  type Portfolio,
  portfolioForm,
  type Recommendations,
  type Remarks,
  recommendationsForm,
  remarksForm,
} from "./portfolio/forms.ts";
import { holdingsIn } from "./portfolio/lists.ts";

/** The parts of a {@link portfolio}. */
export interface PortfolioOptions extends Models {
  /** Keeps the threads, and with them the portfolio for the next question. */
  checkpointer?: BaseCheckpointSaver;
}

// The keys that agents.json exposes are the results. A client may send a changed `portfolio`, for example from an
// editable table.
const PortfolioState = Annotation.Root({
  ...MessagesAnnotation.spec,
  portfolio: Annotation<Portfolio | undefined>,
  risk: Annotation<RiskFigures & Concerns>,
  performance: Annotation<PerformanceFigures & Remarks>,
  recommendations: Annotation<Recommendations["recommendations"]>,
  character: Annotation<Character>,
});

type State = typeof PortfolioState.State;

const STEPS = {
  convert_portfolio: "Reading the portfolio",
  analyze_performance: "Working out the performance",
  analyze_risk: "Weighing the risk",
  generate_recommendations: "Drawing up recommendations",
  character_advisor: "Writing the answer",
} as const;

/**
 * A workflow of five nodes. The first four work with figures: they publish their results as state and as custom events,
 * and agents.json hides the text of their models. Only the last node talks to the user.
 *
 *     convert_portfolio -> analyze_risk        -> generate_recommendations -> character_advisor
 *                       -> analyze_performance ->
 */
export function portfolio({ checkpointer, ...models }: PortfolioOptions) {
  /** The form as the node's model fills it in. The model's text on the way is not sent. */
  async function fillIn<T extends z.ZodType>(
    form: T,
    name: string,
    prompt: BaseMessage[],
    config: LangGraphRunnableConfig,
  ): Promise<z.infer<T>> {
    const model = nodeModel(models, config).withStructuredOutput(form, { name, includeRaw: true });
    const { parsed } = await model.invoke(prompt, config);
    const filled = form.safeParse(parsed);
    // The model's own words stay out of the error: clients are sent it.
    if (!filled.success) throw new Error(`The model did not fill in the form "${name}" as it was asked to.`);
    return filled.data;
  }

  // Plain code reads lines and tables, and a model reads the rest. If the model finds nothing, the code's findings
  // stay.
  const convert = async ({ messages, ...before }: State, config: LangGraphRunnableConfig) => {
    const asked = lastAsked(messages);
    const read = holdingsIn(asked.text);
    const whole = read.rest === "" && read.holdings.length > 0 && !hasImage(asked);
    const filled = whole ? undefined : await fillIn(conversionForm, "portfolio", [CONVERT, asked], config);
    const holdings = filled && filled.holdings.length > 0 ? filled.holdings : read.holdings;
    // A question about the portfolio brings no new portfolio, so the known one stays.
    const portfolio = holdings.length > 0 ? { holdings, origin: filled?.origin ?? "text" } : known(before.portfolio);
    const wished = filled?.character ?? characterIn(asked.text) ?? before.character;
    const character = wished ?? characterNamed(config.configurable?.character ?? "banker");
    publish(config, "holdings", portfolio?.holdings ?? []);
    return { portfolio, character };
  };

  const analyzeRisk = async ({ portfolio, messages }: State, config: LangGraphRunnableConfig) => {
    const figures = riskOf(portfolio?.holdings ?? []);
    const prompt = judge("What about the risk should worry its owner?", messages, figures);
    const judged = await fillIn(concernsForm, "concerns", prompt, config);
    return { risk: publish(config, "risk", { ...figures, ...judged }) };
  };

  const analyzePerformance = async ({ portfolio, messages }: State, config: LangGraphRunnableConfig) => {
    const figures = performanceOf(portfolio?.holdings ?? []);
    const judged = await fillIn(
      remarksForm,
      "remarks",
      judge("What made the result what it is?", messages, figures),
      config,
    );
    return { performance: publish(config, "performance", { ...figures, ...judged }) };
  };

  const recommend = async ({ risk, performance, messages }: State, config: LangGraphRunnableConfig) => {
    const prompt = judge("What should its owner consider to do?", messages, { risk, performance });
    const { recommendations } = await fillIn(recommendationsForm, "recommendations", prompt, config);
    return { recommendations: publish(config, "recommendations", recommendations) };
  };

  const advise = async (state: State, config: LangGraphRunnableConfig) => ({
    messages: [await nodeModel(models, config).invoke(advice(state), config)],
  });

  return new StateGraph(PortfolioState)
    .addNode("convert_portfolio", step("convert_portfolio", convert))
    .addNode("analyze_risk", step("analyze_risk", analyzeRisk))
    .addNode("analyze_performance", step("analyze_performance", analyzePerformance))
    .addNode("generate_recommendations", step("generate_recommendations", recommend))
    .addNode("character_advisor", step("character_advisor", advise))
    .addEdge(START, "convert_portfolio")
    .addConditionalEdges(
      "convert_portfolio",
      ({ portfolio }: State) => (portfolio ? ["analyze_risk", "analyze_performance"] : "character_advisor"),
      ["analyze_risk", "analyze_performance", "character_advisor"],
    )
    .addEdge(["analyze_risk", "analyze_performance"], "generate_recommendations")
    .addEdge("generate_recommendations", "character_advisor")
    .addEdge("character_advisor", END)
    .compile({ checkpointer });
}

/** Reports a node's start and end as "step 2 of 5". Nodes that run side by side have different numbers. */
function step<Update>(
  name: keyof typeof STEPS,
  run: (state: State, config: LangGraphRunnableConfig) => Promise<Update>,
) {
  const names = Object.keys(STEPS);
  const step = { step: names.indexOf(name) + 1, of: names.length, name, label: STEPS[name] };
  return async (state: State, config: LangGraphRunnableConfig): Promise<Update> => {
    config.writer?.({ name: "progress", value: { ...step, status: "started" } });
    const update = await run(state, config);
    config.writer?.({ name: "progress", value: { ...step, status: "done" } });
    return update;
  };
}

function publish<T>(config: LangGraphRunnableConfig, result: string, value: T): T {
  config.writer?.({ name: `portfolio.${result}`, value });
  return value;
}

/** The thread's portfolio. A client may have sent it, so it is read like anything from outside. */
function known(portfolio: unknown): Portfolio | undefined {
  if (portfolio === undefined || portfolio === null) return undefined;
  const { success, data, error } = portfolioForm.safeParse(portfolio);
  if (success) return data;
  throw new Error(`The state's portfolio is not valid: ${z.prettifyError(error)}`);
}

function lastAsked(messages: readonly BaseMessage[]): HumanMessage {
  return messages.findLast((message) => HumanMessage.isInstance(message)) ?? new HumanMessage("");
}

function hasImage({ content }: BaseMessage): boolean {
  return Array.isArray(content) && content.some(({ type }) => type === "image" || type === "image_url");
}

const CONVERT = new SystemMessage(
  `Read from the message, or from the image in it, what the person owns. Copy figures exactly, convert and add nothing.
If you cannot read an image, give no holdings.`,
);

function judge(question: string, messages: readonly BaseMessage[], figures: object): BaseMessage[] {
  const system = `You judge a portfolio. ${question} The figures are computed: quote them, do not change them.
Say nothing that does not follow from them. ${LANGUAGE}`;
  const asked = lastAsked(messages).text.slice(0, 500);
  return [
    new SystemMessage(system),
    new HumanMessage(`<figures>\n${JSON.stringify(figures)}\n</figures>\n<asked>\n${asked}\n</asked>`),
  ];
}

const LANGUAGE = "Write in the language in which the person asked.";

/** The last node's prompt: its voice, the conversation's words, and the results. */
function advice({ messages, portfolio, risk, performance, recommendations, character }: State): BaseMessage[] {
  const system = `Speak as the ${character}: ${VOICES[character]}. You tell a person what an analysis of their portfolio
found, in the first person and in at most 200 words: what they own, the risk, the result, what to consider.
Use the figures of the analysis and no others. If there is no analysis, ask for the portfolio and show what one looks
like. End with one line that says this is no financial advice.`;
  const analysis = portfolio ? { portfolio, risk, performance, recommendations } : null;
  const said = messages.slice(-9).map((message) => ({ role: message.type, content: message.text })); // images were read
  const last = said.findLastIndex(({ role }) => role === "human");
  return [
    new SystemMessage(system),
    ...said
      .slice(0, last)
      .map(({ role, content }) => (role === "human" ? new HumanMessage(content) : new AIMessage(content))),
    new HumanMessage(
      `${said[last]?.content ?? ""}\n\n<analysis>\n${JSON.stringify(analysis)}\n</analysis>\n\n${LANGUAGE}`,
    ),
  ];
}
