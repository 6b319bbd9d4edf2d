import { buildIfStale } from "./lib/build.ts";
import { printError } from "./lib/cli.ts";

try {
  await buildIfStale((message) => console.log(message));
  console.log("Built: dist/web and dist/workers.");
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
