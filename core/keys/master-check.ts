/** Whether the configured master keys are those that were used before. docs/spec/storage.md, K7. */
import { DriveError } from "../protocol/errors.ts";
import type { MasterKeys } from "./masters.ts";
import type { MasterChecks } from "./ports.ts";
import { masterCheckData, newKeyBytes, unwrapBytes, wrapKey } from "./wrap.ts";

/** Milliseconds after which a master is looked at again before it wraps something. */
const ADMITTED = 5 * 60_000;

export class MasterCheck {
  readonly #masters: MasterKeys;
  readonly #checks: MasterChecks;
  readonly #now: () => number;
  readonly #admitted = new Map<string, number>();

  constructor(masters: MasterKeys, checks: MasterChecks, now: () => number) {
    this.#masters = masters;
    this.#checks = checks;
    this.#now = now;
  }

  /** To be called before a master wraps something: from then on it counts as used. @throws `unavailable` for another key under its name */
  async admit(version: string): Promise<void> {
    if ((this.#admitted.get(version) ?? 0) > this.#now()) return;
    const master = await this.#masters.keys.get(version);
    if (master === undefined) throw new DriveError("unavailable", `The master key ${version} is not configured.`);
    const fresh = await wrapKey(master, newKeyBytes(), masterCheckData(version));
    const sealed = await this.#checks.create(version, fresh);
    if (!(await opens(master, version, sealed))) throw new DriveError("unavailable", foreign(version));
    this.#admitted.set(version, this.#now() + ADMITTED);
  }

  /** In plain words; none when all is well. */
  async problems(): Promise<string[]> {
    const problems: string[] = [];
    for (const [version, { sealed }] of await this.#checks.all()) {
      const master = await this.#masters.keys.get(version);
      if (master === undefined) problems.push(lacksMaster(version));
      else if (!(await opens(master, version, sealed))) problems.push(foreign(version));
    }
    return problems;
  }
}

export const lacksMaster = (version: string): string =>
  `MASTER_KEYS lacks ${version}, which is in use: give it back, or files cannot be read. docs/runbook/keys.md says how one is retired.`;

const foreign = (version: string): string =>
  `MASTER_KEYS has another key under the name ${version} than the one that is in use: give back the old one, or files cannot be read. A new key needs a new name.`;

const opens = (master: CryptoKey, version: string, sealed: string): Promise<boolean> =>
  unwrapBytes(master, sealed, masterCheckData(version)).then(
    () => true,
    () => false,
  );
