import { formatWhen } from "../../client/words/format.ts";
import { command, expectPositionals } from "../command.ts";
import { allOf } from "../drive/paths.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { table } from "../output/table.ts";

const when = (time: string | null): string => (time === null ? "never" : formatWhen(time));

export default command({
  name: "devices",
  summary: "List where you are signed in, and sign devices out.",
  forms: ["", "--remove DEVICE_ID"],
  options: { remove: { type: "string", value: "DEVICE_ID", help: "sign this one out" } },
  examples: [
    ["edgedrive devices", "lists them; the star is this one"],
    ["edgedrive devices --remove 0193f2a0-5e1c-8abc-9def-0123456789ab", "signs a lost laptop out"],
  ],
  async run(context) {
    expectPositionals(context, 0, 0);
    const { values, out } = context;
    const { devices, session } = await context.drive();
    const items = await allOf((cursor) => devices.list(cursor));
    if (values.remove !== undefined) {
      const lost = items.find(({ device_id }) => device_id === values.remove);
      if (lost === undefined)
        throw new CliError(EXIT.not_found, "You have no such device: `edgedrive devices` lists them.");
      await devices.remove(lost.device_id);
      return out.result({ removed: lost.device_id }, () => [`${lost.name} is signed out.`]);
    }
    out.result({ items, this_device_id: session.device_id }, () =>
      table(items, [
        { title: "", of: ({ device_id }) => (device_id === session.device_id ? "*" : "") },
        { title: "NAME", of: ({ name }) => name },
        { title: "SEEN", of: ({ last_seen_at }) => when(last_seen_at) },
        { title: "SYNCED", of: ({ last_synced_at }) => when(last_synced_at) },
        { title: "DEVICE_ID", of: ({ device_id }) => device_id },
      ]),
    );
  },
});
