/** Where copies of keys and checks of masters lie: the bucket, and the replica's where there is one. */
import { ReplicatedKeyCopies, ReplicatedMasterChecks } from "../../core/replica/replicated-keys.ts";
import { R2KeyCopies } from "./key-copies.ts";
import { R2MasterChecks } from "./master-checks.ts";
import type { Buckets } from "./stores.ts";

type Both = Pick<Buckets, "BLOBS" | "BLOBS_REPLICA">;

export const createKeyCopies = ({ BLOBS, BLOBS_REPLICA }: Both): ReplicatedKeyCopies =>
  new ReplicatedKeyCopies(
    new R2KeyCopies(BLOBS),
    BLOBS_REPLICA === undefined ? null : new R2KeyCopies(BLOBS_REPLICA, true),
  );

export const createMasterChecks = ({ BLOBS, BLOBS_REPLICA }: Both): ReplicatedMasterChecks =>
  new ReplicatedMasterChecks(
    new R2MasterChecks(BLOBS),
    BLOBS_REPLICA === undefined ? null : new R2MasterChecks(BLOBS_REPLICA, true),
  );
