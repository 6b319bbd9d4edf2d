import { NetworkError } from "../../client/index.ts";
import { command, expectPositionals } from "../command.ts";

export default command({
  name: "logout",
  summary: "Sign out of the server on this machine.",
  forms: [""],
  options: {},
  examples: [["edgedrive logout", "forgets the tokens here, and ends them at the server"]],
  async run(context) {
    expectPositionals(context, 0, 0);
    const { session } = await context.drive();
    try {
      await session.logout();
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      context.out.note(
        "The server cannot be reached. The tokens are gone from this machine; there they run out by themselves.",
      );
    }
    context.out.result({ signed_in: false }, () => ["Signed out."]);
  },
});
