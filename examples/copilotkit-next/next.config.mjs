/** @type {import("next").NextConfig} */
export default {
  // These packages are not bundled, because Sluice uses a native database module.
  serverExternalPackages: ["langgraph-sluice", "langchain", "@langchain/core", "@langchain/langgraph"],
  devIndicators: false,
};
