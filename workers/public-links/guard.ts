/** Visitors of links that ask for a password or count downloads. docs/spec/links.md, L9 to L11. */
import type { Context } from "hono";
import { generateSignedCookie, getSignedCookie } from "hono/cookie";
import { DriveError } from "../../core/protocol/errors.ts";
import { type Link, TICKET_TTL } from "../../core/sharing/links.ts";
import { scryptPasswords } from "../../platform/crypto/passwords.ts";
import { subscriberOf } from "../http/address.ts";
import type { Deps } from "./deps.ts";

const PASSWORD = "opened";
const ticketFor = (file_id: string): string => `ticket-${file_id}`;

/** Signed, and bound to link, purpose and time: a cookie of one link opens no other. */
const holds = async (c: Context, deps: Deps, link: Link, name: string): Promise<boolean> => {
  const value = await getSignedCookie(c, deps.secret, name);
  if (typeof value !== "string") return false;
  const [purpose, permission_id, until] = value.split(" ");
  return purpose === name && permission_id === link.permission_id && Number(until) > deps.now();
};

/** A `Set-Cookie` for this link only. */
const cookieFor = (c: Context, deps: Deps, link: Link, name: string): Promise<string> =>
  generateSignedCookie(name, `${name} ${link.permission_id} ${deps.now() + TICKET_TTL}`, deps.secret, {
    path: `/s/${link.token}`,
    httpOnly: true,
    // Lax, not Strict: who comes back to the link from a message must not be asked again.
    sameSite: "Lax",
    secure: new URL(c.req.url).protocol === "https:",
    maxAge: TICKET_TTL / 1000,
  });

const gateOf = (deps: Deps, link: Link) => deps.gates.getByName(link.permission_id);

const addressOf = (c: Context): string => subscriberOf(c.req.header("cf-connecting-ip") ?? "local");

/** Throws `password_required` until the visitor has given the password. */
export async function requirePassword(c: Context, deps: Deps, link: Link): Promise<void> {
  if (link.password_hash === null || (await holds(c, deps, link, PASSWORD))) return;
  throw new DriveError("password_required", "This link is protected by a password.");
}

/** The cookie that opens the link from now on. Throws `rate_limited` or `wrong_password`. */
export async function enterPassword(c: Context, deps: Deps, link: Link, password: string): Promise<string | null> {
  if (link.password_hash === null) return null;
  const wait = await gateOf(deps, link).attempt(addressOf(c));
  if (wait > 0)
    throw new DriveError("rate_limited", "Too many attempts at this link’s password. Please wait.", {
      retry_after: wait,
    });
  if (!(await scryptPasswords.verify(password, link.password_hash)))
    throw new DriveError("wrong_password", "That is not the password of this link.");
  return cookieFor(c, deps, link, PASSWORD);
}

const exhausted = (): DriveError =>
  new DriveError("download_limit_reached", "This link has been used as often as its owner allowed.");

/**
 * Opens the bytes of a limited link and counts one download of the file. The cookie is the ticket with which it can be
 * resumed; null when the visitor needs none. Counted first, so that a used-up link reads nothing; a read that fails
 * costs the owner nothing, and if that too is lost, one download less, never one more. Throws `download_limit_reached`.
 */
export async function openCounted<T>(
  c: Context,
  deps: Deps,
  link: Link,
  file_id: string,
  read: () => Promise<T>,
): Promise<{ bytes: T; ticket: string | null }> {
  if (link.max_downloads === null || (await holds(c, deps, link, ticketFor(file_id))))
    return { bytes: await read(), ticket: null };
  const gate = gateOf(deps, link);
  if (!(await gate.countDownload(link.max_downloads))) throw exhausted();
  try {
    return { bytes: await read(), ticket: await cookieFor(c, deps, link, ticketFor(file_id)) };
  } catch (error) {
    await gate.giveBack();
    throw error;
  }
}

/** For pages, which count nothing: throws `download_limit_reached` when nothing is left to download. */
export async function requireLeft(deps: Deps, link: Link): Promise<void> {
  if (link.max_downloads === null) return;
  if ((await gateOf(deps, link).downloads()) >= link.max_downloads) throw exhausted();
}
