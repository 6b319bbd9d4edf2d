import { command, expectPositionals } from "../command.ts";
import { connectTo, rememberServer } from "../drive/drive.ts";
import { usage } from "../exit-codes.ts";
import { readLine, readPassword } from "../input/password.ts";

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** @throws CliError (usage) for what is no address, and where a password would go over the network in the clear */
function originOf(address: string, insecure: boolean): string {
  let url: URL;
  try {
    url = new URL(address.includes("://") ? address : `https://${address}`);
  } catch {
    throw usage(`“${address}” is not an address, such as https://drive.example.`);
  }
  if (!["http:", "https:"].includes(url.protocol)) throw usage(`“${address}” is not an address of the web.`);
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname) && !insecure)
    throw usage(
      `${url.origin} is not encrypted: your password could be read on its way. --insecure sends it all the same.`,
    );
  return url.origin;
}

export default command({
  name: "login",
  summary: "Sign in to a server, or make an account there.",
  forms: ["SERVER [--email ADDRESS]", "SERVER --register --name NAME [--invite CODE]"],
  options: {
    email: { type: "string", value: "ADDRESS", help: "asked for when it is left out" },
    register: { type: "boolean", help: "make a new account" },
    name: { type: "string", value: "NAME", help: "of the person, for a new account" },
    invite: { type: "string", value: "CODE", help: "of an invitation, for a new account" },
    insecure: { type: "boolean", help: "allow a server without encryption" },
  },
  about:
    "The password is asked for, or read from standard input. It is not kept; what is kept ends with `edgedrive logout`.",
  examples: [
    ["edgedrive login http://localhost:8787 --email ada@example.org", "signs in at a server on this machine"],
    ["pass drive | edgedrive login drive.example --email ada@example.org", "takes the password from a program"],
  ],
  async run(context) {
    expectPositionals(context, 1, 1);
    const { values, positionals, out } = context;
    const origin = originOf(positionals[0]!, values.insecure === true);
    const email = values.email ?? (await readLine("Address", "--email"));
    const name = values.register ? (values.name ?? (await readLine("Your name", "--name"))) : "";
    const password = await readPassword("Password");
    const { session } = connectTo(origin, out);
    const invite = values.invite === undefined ? {} : { invite: values.invite };
    const user = await (values.register
      ? session.register({ email, password, name, ...invite })
      : session.login({ email, password }));
    rememberServer(origin, out);
    out.result({ server: origin, user, device_id: session.device_id }, () => [
      `Signed in at ${origin} as ${user.email}.`,
    ]);
  },
});
