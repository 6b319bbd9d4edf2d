/** What every `RightsStore`, `RetentionStore` and `KeyStore` promises. */
import { describe, expect, it } from "vitest";
import type { KeyStore, RotationStore, TenantKeyRow } from "../../core/keys/ports.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import type { RightsStore } from "../../core/sharing/rights.ts";
import type { RetentionStore, TrashKey } from "../../core/versions/retention.ts";
import { Bench, type OpenDrive } from "./drive-bench.ts";

export interface OpenTenant extends OpenDrive {
  rights: RightsStore;
  retention: RetentionStore;
  keys: KeyStore;
  rotation: RotationStore;
}

export function tenantStoresContract(name: string, open: () => Promise<OpenTenant>): void {
  const setUp = async () => {
    const drive = await open();
    return { ...drive, bench: new Bench(drive) };
  };

  describe(`RightsStore: ${name}`, () => {
    it("A1: a file with its ancestors, the nearest first, and the grants that live on them", async () => {
      const { bench, rights, root } = await setUp();
      const [top, below] = bench.chain(2);
      await bench.create(top!, below!);
      const user = { kind: "user", user_id: bench.id() } as const;
      const grant = { ...bench.permission(top!.file_id), user_id: user.user_id };
      const others = [
        { ...grant, permission_id: bench.id(), revoked_at: 1 },
        { ...grant, permission_id: bench.id(), expires_at: 1 },
        { ...bench.permission(top!.file_id), permission_id: bench.id() },
      ];
      await bench.commit({ permissions: [grant, ...others] });
      const found = await rights.find(user, below!.file_id);
      expect(found?.file).toEqual(below);
      expect(found?.chain.map((at) => at.file_id)).toEqual([below!.file_id, top!.file_id, root]);
      expect(found?.grants).toEqual([{ file_id: top!.file_id, permission: "view", expires_at: null }]);
      const link = { kind: "link", permission_id: grant.permission_id } as const;
      expect((await rights.find(link, below!.file_id))?.grants).toHaveLength(1);
      expect(await rights.find(user, bench.id())).toBeNull();
    });
  });

  describe(`RetentionStore: ${name}`, () => {
    it("V7: what was trashed by then, behind a key, in order", async () => {
      const { bench, retention, root } = await setUp();
      const make = (trashed_at: number | null) => ({ ...bench.folder(`f${bench.id()}`, bench.root), trashed_at });
      const rows = [make(null), make(30), make(10), make(10), make(31)];
      await bench.create(...rows);
      const wanted = rows
        .filter((f) => f.trashed_at !== null && f.trashed_at <= 30)
        .map(({ trashed_at, file_id }): TrashKey => ({ drive_id: root, trashed_at: trashed_at as number, file_id }))
        .toSorted((a, b) => a.trashed_at - b.trashed_at || (a.file_id < b.file_id ? -1 : 1));
      expect(await retention.trashed(30, null)).toEqual(wanted);
      expect(await retention.trashed(30, wanted[0]!)).toEqual(wanted.slice(1));
      expect(await retention.trashed(30, wanted[2]!)).toEqual([]);
    });

    it("V6: what is neither among the newest nor was current since then, as the highest number", async () => {
      const { bench, retention, root } = await setUp();
      const file = { ...bench.file("f", bench.root, 1), version_count: 5, version_number: 5 };
      const [first, content] = bench.bytesOf(file);
      const versions = [1, 2, 3, 4, 5].map((n) => ({
        ...first,
        version_number: n,
        version_id: n === 5 ? first.version_id : bench.id(),
        created_at: n * 100,
      }));
      const journal = [bench.entry(1, "created", file.file_id)];
      await bench.commit({ files: [file], versions, contents: [content], journal });
      const through = async (keep: number, since: number): Promise<number | null> => {
        const { files, next } = await retention.outlived(keep, since, null);
        expect(next).toBe([root, file.file_id].toSorted().at(-1));
        expect(files.every((f) => f.file_id === file.file_id && f.version_count === 5)).toBe(true);
        return files[0]?.through ?? null;
      };
      // The third ended at 400, when the fourth came.
      expect([await through(1, 401), await through(1, 400), await through(1, 10_000)]).toEqual([3, 2, 4]);
      expect([await through(4, 10_000), await through(5, 10_000), await through(1, 200)]).toEqual([1, null, null]);
      expect(await retention.outlived(1, 401, "ffffffff")).toEqual({ files: [], next: null });
    });

    it("V8: a tenant that is not active has no numbers", async () => {
      const { retention, suspend } = await setUp();
      expect(await retention.policy()).toEqual({ version_days: 30, version_count: 30, trash_days: 30 });
      await suspend();
      expect(await retention.policy()).toBeNull();
    });
  });

  describe(`KeyStore: ${name}`, () => {
    it("K2: the newest version, any version; of two first ones the same is left for both", async () => {
      const { keys, root } = await setUp();
      const tenant_id = tenantOf(root);
      const row = (version: number, wrapped_key: string): TenantKeyRow => ({
        tenant_id,
        version,
        master_version: "v1",
        wrapped_key,
        created_at: 1,
      });
      expect([await keys.newest(tenant_id), await keys.find(tenant_id, 1)]).toEqual([null, null]);
      expect(await keys.add(row(1, "a"))).toEqual(row(1, "a"));
      expect(await keys.add(row(1, "b"))).toEqual(row(1, "a"));
      await keys.add(row(2, "c"));
      expect([await keys.newest(tenant_id), await keys.find(tenant_id, 1)]).toEqual([row(2, "c"), row(1, "a")]);
    });

    it("K8: rows of active tenants, what is missing of them, and a swap that another was quicker with", async () => {
      const { keys, rotation, root, suspend } = await setUp();
      const tenant_id = tenantOf(root);
      const row = (version: number): TenantKeyRow => ({
        tenant_id,
        version,
        master_version: "v1",
        wrapped_key: `${version}`,
        created_at: 1,
      });
      await keys.add(row(2));
      await keys.add(row(1));
      const behind = { tenant_id, version: 0 };
      const ours = async () => (await rotation.page(behind)).keys.filter((key) => key.tenant_id === tenant_id);
      expect(await ours()).toEqual([
        { ...row(1), is_newest: false },
        { ...row(2), is_newest: true },
      ]);
      expect(await rotation.missing([row(1), row(2), row(3)])).toEqual([{ tenant_id, version: 3 }]);
      const to = { ...row(1), master_version: "v2", wrapped_key: "z" };
      expect([await rotation.swap(row(1), to), await rotation.swap(row(1), to)]).toEqual([true, false]);
      expect(await keys.find(tenant_id, 1)).toEqual(to);
      await suspend();
      expect([await rotation.swap(row(2), to), await rotation.missing([row(3)])]).toEqual([false, []]);
    });

    it("K5: a tenant that is not active gets no key", async () => {
      const { keys, root, suspend } = await setUp();
      const place = { tenant_id: tenantOf(root), version: 1 };
      await suspend();
      const added = keys.add({ ...place, master_version: "v1", wrapped_key: "a", created_at: 1 });
      await expect(added).rejects.toMatchObject({ code: "not_found" });
      expect(await keys.newest(place.tenant_id)).toBeNull();
    });
  });
}
