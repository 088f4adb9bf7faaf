/** Bedrock's package, directed to an endpoint on loopback. Its endpoint setting accepts only an https host. */
import { ChatBedrockConverse } from "@langchain/aws";

export function bedrockModel(url: string): ChatBedrockConverse {
  const credentials = { accessKeyId: "none", secretAccessKey: "none" };
  const model = new ChatBedrockConverse({ model: "anthropic.m", region: "us-east-1", credentials, maxRetries: 0 });
  const { protocol, hostname, port } = new URL(url);
  const redirect = { protocol, hostname, port: Number(port) };
  model.client.middlewareStack.add(
    (next) => (args) => {
      Object.assign(args.request as object, redirect);
      return next(args);
    },
    { step: "build", name: "loopback" },
  );
  return model;
}
