/** The errors with which a run may be refused. */
export const RUN_ERRORS = [
  "not_found",
  "thread_busy",
  "run_conflict",
  "interrupt_pending",
  "payload_too_large",
  "draining",
  "overloaded",
  "storage_unavailable",
] as const;
