import type { Command } from "./command.ts";

/** Loaded when they are called: a command is there at once, and help needs no network code. */
export const COMMANDS: Record<string, () => Promise<{ default: unknown }>> = {
  login: () => import("./commands/login.ts"),
  logout: () => import("./commands/logout.ts"),
  ls: () => import("./commands/ls.ts"),
  cp: () => import("./commands/cp.ts"),
  mv: () => import("./commands/mv.ts"),
  rm: () => import("./commands/rm.ts"),
  mkdir: () => import("./commands/mkdir.ts"),
  share: () => import("./commands/share.ts"),
  versions: () => import("./commands/versions.ts"),
  restore: () => import("./commands/restore.ts"),
  search: () => import("./commands/search.ts"),
  sync: () => import("./commands/sync.ts"),
  status: () => import("./commands/status.ts"),
  conflicts: () => import("./commands/conflicts.ts"),
  devices: () => import("./commands/devices.ts"),
  config: () => import("./commands/config.ts"),
  completion: () => import("./commands/completion.ts"),
};

/** Null for a name that no command has. */
export async function loadCommand(name: string): Promise<Command | null> {
  if (!Object.hasOwn(COMMANDS, name)) return null;
  return (await COMMANDS[name]!()).default as Command;
}

export const loadAll = async (): Promise<Command[]> =>
  Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).default as Command));
