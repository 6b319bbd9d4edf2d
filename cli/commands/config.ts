import { formatRate } from "../../client/words/format.ts";
import { command, expectPositionals } from "../command.ts";
import { usage } from "../exit-codes.ts";
import { parseRate } from "../input/rate.ts";
import { readSettings, type Settings, settingsFile } from "../places/settings.ts";

/** How a setting is read from the command line, and shown. */
const KEYS: {
  [K in keyof Required<Settings>]: {
    parse(text: string): Required<Settings>[K];
    show(value: Required<Settings>[K]): string;
  };
} = {
  device_name: { parse: (text) => text.trim(), show: (name) => name },
  limit_up: { parse: parseRate, show: (rate) => formatRate(rate) },
  limit_down: { parse: parseRate, show: (rate) => formatRate(rate) },
};

const isKey = (key: string): key is keyof Settings => Object.hasOwn(KEYS, key);
const shown = <K extends keyof Settings>(settings: Settings, key: K): string => {
  const value = settings[key];
  return value === undefined ? "" : KEYS[key].show(value as Required<Settings>[K]);
};

export default command({
  name: "config",
  summary: "Show and change settings.",
  forms: ["", "KEY", "KEY VALUE", "--unset KEY"],
  options: { unset: { type: "string", value: "KEY", help: "back to what it is by itself" } },
  about: `Keys:
  device_name  how this machine is called at the next sign-in
  limit_up     bytes a second to the server at most, such as 500k or 2M
  limit_down   bytes a second from the server at most`,
  examples: [
    ["edgedrive config limit_up 2M", "leaves room on the line for others"],
    ["edgedrive config --unset limit_up", "takes the limit away"],
  ],
  async run(context) {
    const { values, positionals, out } = context;
    expectPositionals(context, 0, values.unset === undefined ? 2 : 0);
    const [key = values.unset, value] = positionals;
    if (key !== undefined && !isKey(key))
      throw usage(`There is no setting “${key}”; there are ${Object.keys(KEYS).join(", ")}.`);
    const settings = readSettings();
    if (key === undefined) {
      const known = (Object.keys(KEYS) as (keyof Settings)[]).filter((key) => settings[key] !== undefined);
      return out.result(settings, () => known.map((key) => `${key} = ${shown(settings, key)}`));
    }
    if (value === undefined && values.unset === undefined)
      return out.result({ [key]: settings[key] ?? null }, () => [shown(settings, key)]);
    const { [key]: _before, ...others } = settings;
    settingsFile().write(value === undefined ? others : { ...others, [key]: KEYS[key].parse(value) });
    out.result({ [key]: readSettings()[key] ?? null }, () => []);
  },
});
