/**
 * Reads contents back and computes the SHA-256 of the whole, slice by slice. docs/spec/storage.md, S5 to S7.
 *
 *   due -> claimed (attempt counted) -> a slice hashed, state saved -> due ...
 *                                    -> all hashed -> told to the hub -> joined with its equals -> row ends
 *                                    -> failed -> due later ... -> dead
 *
 * A crash anywhere leaves the row, due again when its claim runs out.
 */
import { ATTEMPTS_MAX, describe, NEVER, retryDelay } from "../events/consume.ts";
import type { Integrity } from "../files/model.ts";
import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { readContent } from "../storage/read.ts";
import { joinEqual } from "./join.ts";
import type { Due, EqualContents, VerificationStore } from "./ports.ts";
import { Sha256State } from "./sha256-state.ts";

/** Rows of a drive that one run looks at. */
export const ROWS_MAX = 100;

/** Until another run may take what a run has claimed, milliseconds: several times what an invocation takes. */
const CLAIM = 5 * 60_000;

/** What one invocation may read: keeps it within 30 s of CPU time and 10,000 calls, for a block may be a read. */
export class ReadBudget {
  #bytes: number;
  #blocks: number;

  constructor(bytes = 1024 ** 3, blocks = 5000) {
    this.#bytes = bytes;
    this.#blocks = blocks;
  }

  get isSpent(): boolean {
    return this.#bytes <= 0 || this.#blocks <= 0;
  }

  spendBlock(bytes: number): void {
    this.#bytes -= bytes;
    this.#blocks -= 1;
  }
}

export interface VerifyDeps {
  engine: Engine;
  tenant_id: TenantId;
  store: VerificationStore;
  equals: EqualContents;
  /** Through the drive's hub; throws when it is not done. */
  settle(content_id: string, content_hash: string, integrity: Exclude<Integrity, "pending">): Promise<void>;
  now(): number;
  /** Lets everything else that waits for this thread have its turn. */
  giveWay(): Promise<void>;
  /** A try that failed, and whether it was the last one. */
  report(content_id: string, error: unknown, isDead: boolean): Promise<void>;
}

/** Bytes hashed between two turns of others: some milliseconds. */
const TURN = 1024 * 1024;

type Living = Due & { content: NonNullable<Due["content"]> };

/** One run over a drive. @returns whether this run leaves something that is due */
export async function verifyDrive(deps: VerifyDeps, budget: ReadBudget): Promise<boolean> {
  const rows = await deps.store.due(deps.now(), ROWS_MAX);
  for (const row of rows) {
    if (budget.isSpent) return true;
    const { content } = row;
    if (content === null) {
      await deps.store.end(row.content_id);
      continue;
    }
    // Another run has it, and goes on with it.
    if (!(await deps.store.claim(row, deps.now() + CLAIM))) continue;
    if (!(await attempt(deps, { ...row, content }, budget))) return true;
  }
  return rows.length === ROWS_MAX;
}

/** @returns false when the budget ended before the content did */
async function attempt(deps: VerifyDeps, row: Living, budget: ReadBudget): Promise<boolean> {
  const { content_id, content } = row;
  const attempts = row.attempts + 1;
  try {
    // An earlier try ended in the process that made it: the claim was all that it left.
    if (row.attempts >= ATTEMPTS_MAX) throw new Error("it did not end");
    const content_hash = content.content_hash ?? (await hashSlice(deps, row, budget));
    if (content_hash === null) return false;
    if (content.content_hash === null) {
      const differs = row.declared_hash !== null && row.declared_hash !== content_hash;
      await deps.settle(content_id, content_hash, differs ? "declared_hash_mismatch" : "ok");
    }
    await joinEqual(deps, { ...content, content_id, content_hash });
    await deps.store.end(content_id);
  } catch (error) {
    const isDead = attempts >= ATTEMPTS_MAX;
    await deps.store.fail(content_id, describe(error), isDead ? NEVER : deps.now() + retryDelay(attempts));
    await deps.report(content_id, error, isDead);
  }
  return true;
}

/** @returns the hash of the whole; null when there is more to read than the budget allows, and the state is saved */
async function hashSlice(deps: VerifyDeps, row: Living, budget: ReadBudget): Promise<string | null> {
  const { manifest, size } = row.content;
  const hash = row.state === null ? new Sha256State() : Sha256State.restore(row.state);
  let at = row.hashed_bytes;
  const bytes = await readContent(deps.engine, deps.tenant_id, manifest, at, size - at);
  let turn = 0;
  for await (const piece of bytes) {
    hash.update(piece);
    at += piece.length;
    turn += piece.length;
    budget.spendBlock(piece.length);
    // Reads ahead are done when they are asked for: no turn of the event loop is passed between them.
    if (turn >= TURN) {
      await deps.giveWay();
      turn = 0;
    }
    if (!budget.isSpent || at === size) continue;
    await deps.store.save(row.content_id, { hashed_bytes: at, state: hash.save() }, deps.now());
    return null;
  }
  if (at !== size) throw damaged("a content is shorter than its file");
  return hash.hex();
}
