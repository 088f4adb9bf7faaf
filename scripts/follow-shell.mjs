/**
 * `npm` hands SIGTERM to the shell that it started us with, and the shell dies without handing it on: when the shell is
 * gone, so are we. A signal that did come here ends the watch, since a server may take a second one for impatience.
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
      // While the server starts nobody else listens, and the signal does what it does by default.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  }
}
