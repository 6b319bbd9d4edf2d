import { parseArgs } from "node:util";
import { exitOnSignals, printError } from "./lib/cli.ts";
import { openPlace } from "./lib/operator-place.ts";
import { rebuild } from "./lib/rebuild.ts";
import { parseMoment } from "./lib/moment.ts";

const USAGE = `npm run rebuild [-- --data DIR | --url URL] [--at TIME] [--read-all]

Fills empty databases with what R2 has of them. What is there already stays as it is; killed anywhere, it is begun again.

  --data DIR   the copy on this machine (default .data); it must not be running
  --url URL    a deployed copy; its operator's token is read from OPERATOR_TOKEN
  --at TIME    as of this moment (RFC 3339) in place of the newest backup
  --read-all   reads every content whole, in place of one in 250 (that all packs are there is always looked at)
  --without-archive   what is in the archives of tenants alone counts as lost: for those that do not answer any more

docs/runbook/restore.md`;

try {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      url: { type: "string" },
      at: { type: "string" },
      "read-all": { type: "boolean" },
      "without-archive": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const say = (message: string): void => console.log(message);
  // Not this machine's clock: the newest is what is wanted, whatever the databases' clock said.
  const at = parseMoment(values.at) ?? Number.MAX_SAFE_INTEGER;
  const signals = exitOnSignals();
  const { operator, stop } = await openPlace(values, say);
  signals.onStop(stop);
  const started = performance.now();
  const done = await rebuild(operator, {
    at,
    reads_all: values["read-all"] === true,
    without_archive: values["without-archive"] === true,
    say,
  });
  await stop();
  const { problems, restored_to, ...counts } = done;
  const moment =
    restored_to === null
      ? "nothing had to be restored"
      : `all is as of ${new Date(restored_to).toISOString()} or later`;
  console.log(`\n${JSON.stringify(counts)}\n${((performance.now() - started) / 1000).toFixed(1)} s; ${moment}`);
  for (const problem of problems) console.error(problem);
  process.exit(problems.length > 0 ? 2 : 0);
} catch (error) {
  printError(error);
  process.exit(1);
}
