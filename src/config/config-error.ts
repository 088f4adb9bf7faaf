/** A setting or a file that is wrong. Its message is one line: name, value, what is valid. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
