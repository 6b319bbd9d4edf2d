/** Names of the objects of a backup, and what they tell. docs/spec/durability.md, BK3. */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { TenantId } from "../protocol/ids.ts";

/** Whose backup: a tenant's, or that of the directory. */
export type Scope = TenantId | "directory";

export const scopePrefix = (scope: Scope): string => `backup/${scope}/`;

const random = (): string => bytesToHex(crypto.getRandomValues(new Uint8Array(8)));
/** Names sort as the times do. */
const time = (at: number): string => String(at).padStart(14, "0");
const seq = (value: number): string => String(value).padStart(12, "0");

/** A full backup is a folder: chunks, and an end that names them. */
export const newSet = (scope: Scope, at: number): string => `${fullPrefix(scope)}${time(at)}-${random()}/`;
export const fullPrefix = (scope: Scope): string => `${scopePrefix(scope)}full/`;
export const newChunk = (set: string): string => `${set}${random()}`;
export const newEnd = (set: string): string => `${set}end-${random()}`;

export interface FullName {
  set: string;
  started_at: number;
  /** The object that closes it; null until it is whole. Of two chains that both came to an end either will do. */
  end: string | null;
  objects: string[];
}

/** The full backups that a list of objects has, the newest one first. */
export function fullsOf(keys: readonly string[]): FullName[] {
  const sets = Map.groupBy(keys, (key) => key.slice(0, key.lastIndexOf("/") + 1));
  const fulls = [...sets].map(([set, objects]) => ({
    set,
    started_at: Number(/(\d{14})-[0-9a-f]+\/$/.exec(set)?.[1] ?? 0),
    end: objects.find((name) => name.startsWith(`${set}end-`)) ?? null,
    objects,
  }));
  return fulls.toSorted((a, b) => b.started_at - a.started_at);
}

export interface SegmentName {
  name: string;
  drive_id: string;
  /** When its rows were read. */
  at: number;
  /** Behind this number, up to that one. */
  from: number;
  upto: number;
  /** With it the drive is as it was at one moment. */
  is_cut: boolean;
}

export const journalPrefix = (tenant_id: TenantId): string => `${scopePrefix(tenant_id)}journal/`;

export const newSegment = (tenant_id: TenantId, s: Omit<SegmentName, "name">): string =>
  `${journalPrefix(tenant_id)}${s.drive_id}/${time(s.at)}-${seq(s.from)}-${seq(s.upto)}-${s.is_cut ? "cut" : "part"}-${random()}`;

const SEGMENT = /([^/]+)\/(\d{14})-(\d{12})-(\d{12})-(cut|part)-[0-9a-f]+$/;

export function parseSegment(name: string): SegmentName | null {
  const [, drive_id, at, from, upto, kind] = SEGMENT.exec(name) ?? [];
  if (drive_id === undefined) return null;
  return { name, drive_id, at: Number(at), from: Number(from), upto: Number(upto), is_cut: kind === "cut" };
}
