/** A real S3 server for the tests that run inside workerd: it checks signatures, and keeps its objects in a directory. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

interface Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

/** It has no types of its own. */
const S3rver = createRequire(import.meta.url)("@20minutes/s3rver") as new (options: object) => Server;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), "edgedrive-s3-"));
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: "archive" }],
  });
  const { port } = await server.run();
  project.provide("s3" as never, `http://127.0.0.1:${port}` as never);
  return async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  };
}
