import { buildIfStale } from "../../scripts/lib/build.ts";

/** Global set-up of the `e2e` project: the first test must not pay for the build within its own time limit. */
export default async function setup(): Promise<void> {
  await buildIfStale((message) => process.stdout.write(`${message}\n`));
}
