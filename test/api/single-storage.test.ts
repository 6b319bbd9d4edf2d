/** What others have cannot be learned and cannot be had; what I can read is there at once. docs/spec/storage.md, S10. */
import { beforeAll, describe, expect, it } from "vitest";
import { newId, tenantOf } from "../../core/protocol/ids.ts";
import type { File, UploadedFile } from "../../core/protocol/files.ts";
import { D1UploadStore } from "../../platform/d1/shard/upload-store.ts";
import { JwtTokens } from "../../platform/crypto/tokens.ts";
import { type Answer, Api, apiEnv, newUser, sha256, shardOf, type User } from "../support/workerd/api.ts";
import { noise } from "../support/workerd/drive-fixture.ts";
import { WatchedD1 } from "../support/workerd/watched-d1.ts";
import { TracedEnv } from "../support/workerd/traced-env.ts";

/** Someone else with a drive in the same tenant. */
async function colleagueOf({ id }: User): Promise<Api & { id: string }> {
  const tenant = tenantOf(id);
  const user_id = newId(tenant, Date.now());
  await (
    await shardOf(id)
  ).batch([
    (await shardOf(id))
      .prepare(
        `insert into drives (tenant_id, drive_id, kind, name, limit_bytes, created_at)
         values (?1, ?2, 'personal', 'My Drive', 1000000000, 1)`,
      )
      .bind(tenant, user_id),
    (await shardOf(id))
      .prepare(
        `insert into files (tenant_id, file_id, drive_id, name, name_key, is_folder, created_by, created_at, updated_at)
         values (?1, ?2, ?2, 'My Drive', 'my drive', 1, ?2, 1, 1)`,
      )
      .bind(tenant, user_id),
  ]);
  const claims = {
    user_id,
    session_id: newId(tenant, 1),
    device_id: newId(tenant, 2),
    device_name: "",
    role: "member",
  } as const;
  const token = await new JwtTokens(apiEnv.TOKEN_SECRET).sign({ ...claims, plan: "generous" }, Date.now());
  return Object.assign(new Api(token), { id: user_id });
}

let serial = 0;
/** Names of one length. */
const nextName = (): string => `file ${1000 + serial++}.bin`;

let owner: User;
let guest: User;
let colleague: Api & { id: string };
/** Of the owner's, where the guest may write. */
let folder: File;

beforeAll(async () => {
  [owner, guest] = [await newUser({ DEFAULT_PLAN: "generous" }), await newUser({ DEFAULT_PLAN: "generous" })];
  colleague = await colleagueOf(owner);
  folder = await owner.folder("shared");
  await share(folder.file_id, "edit");
});

const share = (file_id: string, permission: string, user = guest): Promise<{ permission_id: string }> =>
  owner.ok("POST", `files/${file_id}/share`, { json: { email: user.signedIn.user.email, permission } });

async function start(who: Api, bytes: Uint8Array<ArrayBuffer>, parent_id: string): Promise<Answer<UploadedFile>> {
  const json = { parent_id, name: nextName(), size: bytes.length, content_hash: await sha256(bytes) };
  return who.ask<UploadedFile>("POST", "files/upload", { json });
}

/** Where bytes can lie that the guest cannot read. Each puts them there. */
const OTHERS: Record<string, (bytes: Uint8Array<ArrayBuffer>) => Promise<unknown>> = {
  "in the drive that is written to": (bytes) => owner.file(nextName(), bytes),
  "twenty times in that drive": async (bytes) => {
    for (let i = 0; i < 21; i++) await owner.file(nextName(), bytes);
  },
  "in another drive of the tenant": (bytes) => colleague.file(nextName(), bytes),
  "in another tenant": async (bytes) => (await newUser()).file(nextName(), bytes),
  "in a file that was shared until now": async (bytes) => {
    const { file_id } = await owner.file(nextName(), bytes);
    const { permission_id } = await share(file_id, "view");
    expect((await start(guest, bytes, folder.file_id)).json.instant, "while it was shared").toBe(true);
    await owner.ok("DELETE", `files/${file_id}/permissions/${permission_id}`);
    const { items } = await owner.ok<{ items: File[] }>("GET", `folders/${folder.file_id}/contents`);
    for (const made of items) {
      await owner.ok("DELETE", `files/${made.file_id}`);
      await owner.ok("DELETE", `trash/${made.file_id}`);
    }
  },
  "in the trash of that folder": async (bytes) => {
    const { file_id } = await owner.file(nextName(), bytes, folder.file_id);
    await owner.ok("DELETE", `files/${file_id}`);
  },
  "in a folder that lies in the trash": async (bytes) => {
    const inner = await owner.folder(nextName(), folder.file_id);
    await owner.file(nextName(), bytes, inner.file_id);
    await owner.ok("DELETE", `files/${inner.file_id}`);
  },
  "in an old version of a file that can be read": async (bytes) => {
    const { file_id } = await owner.file(nextName(), bytes, folder.file_id);
    await owner.ok("PUT", `files/${file_id}`, { body: noise(10) });
  },
};

describe("U11, S10: a hash gives nothing of what cannot be read", () => {
  it.for(Object.entries(OTHERS))("%s", async ([, put]) => {
    const bytes = noise(1000);
    await put(bytes);
    const { status, json } = await start(guest, bytes, folder.file_id);
    expect([status, json.instant]).toEqual([200, undefined]);
    expect(json).toMatchObject({ upload_id: expect.any(String) });
  });
});

describe("U11: what can be read is there at once", () => {
  it("in another drive of the tenant that is shared with me, whatever lies between", async () => {
    const bytes = noise(1000);
    const mine = await colleague.file(nextName(), bytes);
    expect((await start(owner, bytes, "root")).status).toBe(200);
    const tenant = tenantOf(owner.id);
    const shard = await shardOf(owner.id);
    // The pointer is a hint of where to look; alone it gives nothing.
    await shard
      .prepare(
        "insert into incoming_shares (tenant_id, user_id, file_id, drive_id, shared_at) values (?1, ?2, ?3, ?4, 1)",
      )
      .bind(tenant, owner.id, colleague.id, colleague.id)
      .run();
    expect((await start(owner, bytes, "root")).status, "a pointer without a right").toBe(200);
    const json = { email: owner.signedIn.user.email, permission: "view" };
    await colleague.ok("POST", `files/${mine.file_id}/share`, { json });
    const { status, json: made } = await start(owner, bytes, "root");
    expect([status, made.instant, made.content_hash]).toEqual([201, true, await sha256(bytes)]);
    const { bytes: read } = await owner.ask("GET", `files/${made.file_id}/download`);
    expect(await sha256(read)).toBe(await sha256(bytes));
    // It is the owner's now, whatever becomes of the other.
    await colleague.ok("DELETE", `files/${mine.file_id}`);
    await colleague.ok("DELETE", `trash/${mine.file_id}`);
    expect((await owner.ask("GET", `files/${made.file_id}/download`)).bytes).toHaveLength(1000);
  });

  it("S5: not before the server has hashed it itself", async () => {
    const [first, second] = [noise(1000), noise(1000)];
    const whole = Uint8Array.from([...first, ...second]);
    const { upload_id } = await owner.start(nextName(), 2000, { content_hash: await sha256(whole) });
    const chunks = [await owner.chunk(upload_id, 0, first), await owner.chunk(upload_id, 1, second)];
    await owner.ok("POST", `uploads/${upload_id}/complete`, { json: { chunks } });
    expect((await start(owner, whole, "root")).status).toBe(200);
  });
});

/** The answer, but for what no two answers have in common. */
const answerOf = ({ status, headers, json }: Answer): unknown => {
  const plain = JSON.stringify({ status, json, headers: [...headers].filter(([name]) => name !== "x-request-id") });
  return plain
    .replaceAll(/[0-9a-f]{64}/g, "hash")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "id")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time")
    .replaceAll(/file \d{4}\.bin/g, "name");
};

describe("S10: bytes of others go the way of new ones: the same statements and calls in the same order, the same answer", () => {
  const half = (bytes: Uint8Array<ArrayBuffer>, i: number) => bytes.slice(i * 500, i * 500 + 500);
  const DOORS: Record<string, (who: Api, bytes: Uint8Array<ArrayBuffer>) => Promise<Answer[]>> = {
    "a session": async (who, bytes) => [await start(who, bytes, folder.file_id)],
    "one stream": async (who, body) => {
      const query = new URLSearchParams({ parent_id: folder.file_id, name: nextName() });
      return [await who.ask("POST", `files/upload?${query}`, { body })];
    },
    chunks: async (who, bytes) => {
      const started = await start(who, bytes, folder.file_id);
      const { upload_id } = started.json as unknown as { upload_id: string };
      const [first, second] = [half(bytes, 0), half(bytes, 1)];
      const chunks = [await sha256(first), await sha256(second)];
      const put = (body: Uint8Array<ArrayBuffer>, index: number) =>
        who.ask("PUT", `chunks/${chunks[index]}?upload_id=${upload_id}&index=${index}`, { body });
      const received = [await put(first, 0), await put(second, 1)];
      return [started, ...received, await who.ask("POST", `uploads/${upload_id}/complete`, { json: { chunks } })];
    },
  };

  it.for(
    Object.entries(OTHERS).flatMap(([where, put]) =>
      Object.entries(DOORS).map(([door, send]) => [door, where, put, send] as const),
    ),
  )("%s, %s", async ([, , put, send]) => {
    const row = await apiEnv.DIRECTORY.prepare("select shard from tenants where tenant_id = ?1")
      .bind(tenantOf(owner.id))
      .first<{ shard: string }>();
    const watched = new TracedEnv(row!.shard);
    const who = new Api(guest.token, watched.env);
    // The first one also looks up what is remembered afterwards.
    await send(who, noise(1000));
    const theirs = noise(1000);
    await put(theirs);
    const answers: Answer[][] = [];
    const trace = async (bytes: Uint8Array<ArrayBuffer>) =>
      watched.trace(async () => void answers.push(await send(who, bytes)));
    const [known, fresh] = [await trace(theirs), await trace(noise(1000))];
    expect(known.length).toBeGreaterThan(3);
    expect(known).toEqual(fresh);
    expect(answers[0]!.map(answerOf)).toEqual(answers[1]!.map(answerOf));
  });
});

it("S10: what lies in drives that the caller does not know is not even read", async () => {
  const watched = new WatchedD1(await shardOf(owner.id));
  const uploads = new D1UploadStore(watched.db, tenantOf(owner.id));
  const look = async (bytes: Uint8Array<ArrayBuffer>) => {
    const hash = await sha256(bytes);
    return watched.count(() => uploads.withContent(guest.id, owner.id, hash, bytes.length));
  };
  const theirs = noise(1000);
  for (let i = 0; i < 5; i++) await colleague.file(nextName(), theirs);
  expect(await look(theirs)).toEqual(await look(noise(1000)));
});
