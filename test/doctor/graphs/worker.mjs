// Calls the model in a worker thread or a child process.
import { parentPort, workerData } from "node:worker_threads";
import { askWhole } from "./parts.mjs";

const text = await askWhole([{ text: workerData ?? process.argv[2] }]);
if (parentPort) parentPort.postMessage(text);
else process.stdout.write(text);
