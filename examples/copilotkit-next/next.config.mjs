/** @type {import("next").NextConfig} */
export default {
  // They run in Node.js as they are: Sluice has a database in native code.
  serverExternalPackages: ["langgraph-sluice", "langchain", "@langchain/core", "@langchain/langgraph"],
  devIndicators: false,
};
