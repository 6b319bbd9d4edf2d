import { fileURLToPath } from "node:url";

/** Root of the repository, without a slash at its end. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");

/** Absolute path of something in the repository. */
export const inRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * The three Workers. The API comes first: it is the one that listens, and a `wrangler dev` session takes its port from
 * the first configuration.
 */
export const WORKERS = [
  { name: "edgedrive-api", config: "wrangler.toml", dist: "dist/workers/api" },
  {
    name: "edgedrive-queue-consumers",
    config: "workers/queue-consumers/wrangler.toml",
    dist: "dist/workers/queue-consumers",
  },
  { name: "edgedrive-public-links", config: "workers/public-links/wrangler.toml", dist: "dist/workers/public-links" },
] as const;

export const API = WORKERS[0];
export const CONSUMERS = WORKERS[1];
export const PUBLIC_LINKS = WORKERS[2];

export type WorkerProject = (typeof WORKERS)[number];

/** Migrations by the kind of database. A binding that is not the directory is a shard. */
export const migrationsFor = (binding: string): string =>
  inRoot(`migrations/d1/${binding === "DIRECTORY" ? "directory" : "shard"}`);
