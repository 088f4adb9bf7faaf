/**
 * Ends this process when npm's shell has ended. npm sends SIGTERM to that shell, which does not forward it. If this
 * process receives the signal itself, the watch stops, because a second signal would end the server at once.
 */
export function followShell() {
  if (!process.env.npm_lifecycle_event) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== shell) process.kill(process.pid, "SIGTERM");
  }, 250);
  watch.unref();
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      clearInterval(watch);
      // While the server is starting, it has no handler yet, so the signal's default applies.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  }
}
