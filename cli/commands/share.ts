import type { Grantable, Permission } from "../../client/index.ts";
import { formatWhen } from "../../client/words/format.ts";
import { command, expectPositionals } from "../command.ts";
import { mustFind } from "../drive/paths.ts";
import { usage } from "../exit-codes.ts";
import { parseDuration } from "../input/duration.ts";
import { readPassword } from "../input/password.ts";
import { table } from "../output/table.ts";

const WORDS = ["view", "comment", "edit"] as const satisfies readonly Grantable[];
const isGrantable = (word: string): word is Grantable => (WORDS as readonly string[]).includes(word);

const whoHas = ({ kind, name, email, share_link }: Permission): string =>
  kind === "link" ? (share_link ?? "a link") : [name, email && `<${email}>`].filter(Boolean).join(" ");

function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(text)) throw usage(`--max-downloads is a number, and not “${text}”.`);
  return Number(text);
}

export default command({
  name: "share",
  summary: "Share a file or folder with a person or by a link; see and end its shares.",
  forms: [
    "drive:/PATH",
    "drive:/PATH --with ADDRESS [--permission view|comment|edit]",
    "drive:/PATH --link [--expires 7d] [--password] [--max-downloads N]",
    "drive:/PATH --revoke PERMISSION_ID",
  ],
  options: {
    with: { type: "string", value: "ADDRESS", help: "of a person; without an account they get it when they make one" },
    link: { type: "boolean", help: "a link that anyone can open" },
    permission: { type: "string", value: "WORD", help: "view (if left out), comment or edit" },
    expires: { type: "string", value: "TIME", help: "of a link, such as 90m, 12h or 7d" },
    password: { type: "boolean", help: "of a link; asked for, or read from standard input" },
    "max-downloads": { type: "string", value: "N", help: "of a link" },
    revoke: { type: "string", value: "PERMISSION_ID", help: "end a share" },
  },
  examples: [
    ["edgedrive share drive:/Docs/a.txt", "who can see it"],
    ["edgedrive share drive:/Docs --with grace@example.org --permission edit", "lets a person in"],
    ["edgedrive share drive:/Docs/a.txt --link --expires 7d", "prints a link that works for a week"],
  ],
  async run(context) {
    expectPositionals(context, 1, 1);
    const { values, positionals, out } = context;
    const asked = [values.with !== undefined, values.link, values.revoke !== undefined].filter(Boolean).length;
    if (asked > 1) throw usage("--with, --link and --revoke are three things to do: ask for one.");
    const permission = values.permission ?? "view";
    if (!isGrantable(permission)) throw usage(`--permission is one of ${WORDS.join(", ")}.`);
    const ofLink = {
      expires_in: values.expires && parseDuration(values.expires),
      max_downloads: countOf(values["max-downloads"]),
    };
    if (!values.link && (values.password || values.expires || values["max-downloads"]))
      throw usage("--expires, --password and --max-downloads are for links: add --link.");
    const drive = await context.drive();
    const { sharing } = drive;
    const { file_id } = await mustFind(drive, positionals[0]!);
    if (values.revoke !== undefined) {
      await sharing.revoke(file_id, values.revoke);
      return out.result({ revoked: values.revoke }, () => ["It is shared no more."]);
    }
    if (values.with !== undefined) {
      const shared = await sharing.person(file_id, values.with, permission);
      return out.result(shared, () => [`${values.with} can ${permission} it.`]);
    }
    if (values.link) {
      const password = values.password ? await readPassword("Password of the link") : undefined;
      const { expires_in, max_downloads } = ofLink;
      const link = await sharing.link(file_id, {
        permission,
        ...(expires_in && { expires_in }),
        ...(password !== undefined && { password }),
        ...(max_downloads !== undefined && { max_downloads }),
      });
      return out.result(link, () => [link.share_link ?? ""]);
    }
    const { items } = await sharing.permissions(file_id);
    out.result({ items }, () =>
      table(items, [
        { title: "CAN", of: ({ permission }) => permission },
        { title: "WHO", of: whoHas },
        { title: "UNTIL", of: ({ expires_at }) => (expires_at === null ? "" : formatWhen(expires_at)) },
        { title: "PERMISSION_ID", of: ({ permission_id }) => permission_id },
      ]),
    );
  },
});
