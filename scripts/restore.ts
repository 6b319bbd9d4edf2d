import { parseArgs } from "node:util";
import { exitOnSignals, printError, UsageError } from "./lib/cli.ts";
import { parseMoment } from "./lib/moment.ts";
import { openPlace } from "./lib/operator-place.ts";
import { forget, type Place, restoreBeside, restoreInto } from "./lib/restore.ts";

const USAGE = `npm run restore -- (--tenant N | --email ADDRESS) --at TIME (--beside | --into SHARD) [--data DIR | --url URL]

One tenant as it was at a moment (RFC 3339), to within five minutes before it.

  --beside        as a folder "Restored ..." in each of its drives; everything else stays as it is
  --into SHARD    in place of what it is now, in another shard; nobody changes anything meanwhile
  --forget SHARD  in place of both: deletes the rows that --into left behind in a shard

  --without-archive   what is in its archive alone counts as lost: for one that does not answer any more

  --data DIR      the copy on this machine (default .data); it must not be running
  --url URL       a deployed copy; its operator's token is read from OPERATOR_TOKEN

docs/runbook/restore.md`;

try {
  const { values } = parseArgs({
    options: {
      tenant: { type: "string" },
      email: { type: "string" },
      at: { type: "string" },
      beside: { type: "boolean" },
      into: { type: "string" },
      forget: { type: "string" },
      "without-archive": { type: "boolean" },
      data: { type: "string" },
      url: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const at = parseMoment(values.at);
  const ways = [values.beside, values.into, values.forget].filter((way) => way !== undefined);
  if ((values.tenant === undefined) === (values.email === undefined) || ways.length !== 1) throw new UsageError(USAGE);
  if (at === undefined && values.forget === undefined) throw new UsageError(`--at is missing.\n\n${USAGE}`);
  const say = (message: string): void => console.log(message);
  const signals = exitOnSignals();
  const { operator, stop } = await openPlace(values, say);
  signals.onStop(stop);
  const who = values.tenant === undefined ? { email: values.email } : { tenant_id: Number(values.tenant) };
  const place = await operator<Place>("place", who);
  const { tenant_id } = place;
  if (values.forget !== undefined) await forget(operator, { tenant_id, shard: values.forget });
  else {
    const wanted = {
      place,
      at: at as number,
      now: Date.now(),
      without_archive: values["without-archive"] === true,
      say,
    };
    const { restored, made, problems } =
      values.into === undefined
        ? await restoreBeside(operator, wanted)
        : await restoreInto(operator, wanted, values.into);
    const moment = restored.restored_to === null ? "" : ` as of ${new Date(restored.restored_to).toISOString()}`;
    console.log(`${restored.rows} rows${moment}, ${restored.contents} contents, ${made} copies`);
    for (const problem of problems) console.error(problem);
    process.exitCode = problems.length > 0 ? 2 : 0;
  }
  await stop();
  process.exit();
} catch (error) {
  printError(error);
  process.exit(1);
}
