/** `/readyz` names the dependency that fails, or hangs; each is broken by itself. */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { Api, withVars } from "../support/workerd/api.ts";

const hang = (): Promise<never> => new Promise(() => undefined);
const fail = (): Promise<never> => Promise.reject(new Error("out of order"));

const statement = (answer: () => Promise<never>) => ({
  prepare: () => ({ first: answer, bind: () => ({ first: answer }) }),
});
const hubs = (answer: () => Promise<never>) => ({
  idFromName: () => "id",
  getByName: () => ({ ping: answer }),
  get: () => ({ ping: answer }),
});

/** Bindings in a state in which it does not answer as it should. */
const broken: [failing: string, names: string[], make: (answer: () => Promise<never>) => unknown][] = [
  ["directory", ["DIRECTORY"], statement],
  ["shard_00", ["SHARD_00"], statement],
  ["shard_01", ["SHARD_01"], statement],
  ["blobs", ["BLOBS", "BLOBS_REPLICA"], (answer) => ({ head: answer })],
  ["derived", ["DERIVED"], (answer) => ({ head: answer })],
  ["queue", ["FILE_EVENTS"], (answer) => ({ metrics: answer })],
  ["hub", ["SYNC_HUB"], hubs],
];

const ask = (bindings: Record<string, unknown>) =>
  new Api(undefined, withVars(bindings)).ask<{ status: string; failing: string[] }>("GET", "/readyz");

describe("GET /readyz", () => {
  it("is 200 when all answers", async () => {
    const { status, json } = await ask({});
    expect({ status, json }).toEqual({ status: 200, json: { status: "ready", failing: [] } });
  });

  it.each(broken)("names %s when it fails", async (failing, names, make) => {
    const { status, json } = await ask(Object.fromEntries(names.map((name) => [name, make(fail)])));
    expect({ status, json }).toEqual({ status: 503, json: { status: "unavailable", failing: [failing] } });
  });

  it("RP3: is ready while one of the two buckets answers", async () => {
    for (const name of ["BLOBS", "BLOBS_REPLICA"]) expect((await ask({ [name]: { head: fail } })).status).toBe(200);
  });

  it("names all that hang, and waits no longer than 3 s for them", async () => {
    const began = Date.now();
    const { status, json } = await ask(
      Object.fromEntries(broken.flatMap(([, names, make]) => names.map((name) => [name, make(hang)]))),
    );
    expect(Date.now() - began).toBeLessThan(3_000);
    expect(status).toBe(503);
    expect(json.failing.toSorted()).toEqual(broken.map(([failing]) => failing).toSorted());
  });

  it("names a database whose tables are gone, and is ready again when they are back", async () => {
    const shard = (env as unknown as Record<string, D1Database>).SHARD_01!;
    await shard.prepare("alter table tenants rename to tenants_away").run();
    expect((await ask({})).json.failing).toEqual(["shard_01"]);
    await shard.prepare("alter table tenants_away rename to tenants").run();
    expect((await ask({})).status).toBe(200);
  });

  it("looks once for all who ask at the same time and within two seconds, and then again", async () => {
    let looks = 0;
    let works = true;
    const head = async (): Promise<null> => {
      looks++;
      if (!works) throw new Error("out of order");
      return null;
    };
    const crowd = new Api(undefined, withVars({ BLOBS: { head }, BLOBS_REPLICA: undefined }));
    const statuses = async (): Promise<number[]> =>
      (await Promise.all(Array.from({ length: 20 }, () => crowd.ask("GET", "/readyz")))).map(({ status }) => status);
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      expect(new Set(await statuses())).toEqual(new Set([200]));
      works = false;
      vi.setSystemTime(Date.now() + 1_900);
      expect(new Set(await statuses())).toEqual(new Set([200]));
      expect(looks).toBe(1);
      vi.setSystemTime(Date.now() + 2_000);
      expect(new Set(await statuses())).toEqual(new Set([503]));
      expect(looks).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("says nothing of why: the address is public", async () => {
    const { json } = await ask({ BLOBS: { head: fail }, BLOBS_REPLICA: { head: fail } });
    expect(JSON.stringify(json)).not.toContain("out of order");
  });

  it("GET /healthz stays 200: the process lives", async () => {
    const { status } = await new Api(undefined, withVars({ BLOBS: { head: fail } })).ask("GET", "/healthz");
    expect(status).toBe(200);
  });
});
