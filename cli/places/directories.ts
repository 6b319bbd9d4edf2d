import { chmodSync, mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** XDG Base Directory Specification: where a program keeps what; a relative path there is to be ignored. */
function base(variable: string, ...fallback: string[]): string {
  const given = process.env[variable];
  return given?.startsWith("/") ? given : join(homedir(), ...fallback);
}

/** Tokens, uploads under way, states of versions and of synced folders. */
export const stateDirectory = (): string => join(base("XDG_STATE_HOME", ".local", "state"), "edgedrive");

/** What its user has set. */
export const configDirectory = (): string => join(base("XDG_CONFIG_HOME", ".config"), "edgedrive");

/** Of its owner alone, its parents too where they are new. @returns whether it was open to others and is not any more */
export function privateDirectory(path: string): boolean {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return narrow(path, 0o700);
}

/** Takes the rights of others away. @returns whether they had any */
export function narrow(path: string, mode: number): boolean {
  if (process.platform === "win32" || (statSync(path).mode & 0o077) === 0) return false;
  chmodSync(path, mode);
  return true;
}
