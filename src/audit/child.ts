/** The audit's process: receives its job from the parent process, and sends back its findings. */
import { ConfigError } from "../config/config-error.ts";
import { messageOf } from "../protocol/redact.ts";
import type { Audit } from "./audit.ts";
import { network } from "./no-network.ts";
import type { Job } from "./process.ts";

export type Answer =
  | { readonly kind: "audit"; readonly audit: Audit; readonly network: readonly (readonly [string, number])[] }
  | { readonly kind: "failed"; readonly message: string };

async function work(job: Job): Promise<Answer> {
  try {
    network.allOpen = job.realModel;
    const { auditJob } = await import("./job.ts");
    const audit = await auditJob(job, {
      open: (run) => network.open.run(true, run),
      listening: (url) => {
        network.port = Number(new URL(url).port);
      },
    });
    return { kind: "audit", audit, network: [...network.attempts] };
  } catch (error) {
    return { kind: "failed", message: error instanceof ConfigError ? error.message : messageOf(error) };
  }
}

process.once("message", (job: Job) => {
  void work(job).then((answer) => process.send?.(answer, () => process.exit(0)));
});
// A rejection in the graph must not end the audit.
process.on("unhandledRejection", () => {});
