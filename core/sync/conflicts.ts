/** What is a conflict, and what a conflict copy is called. docs/spec/sync.md, CF1 and CF10. */
import { fit, nameKey, prefixOf, splitName } from "../files/names.ts";
import type { Dot, Vector } from "../files/model.ts";
import type { Actor } from "./commands.ts";

/** Counts one more change of a device; changes from no device (an admin, a job) count under `server`. */
export function stamp(vector: Vector, { device_id }: Pick<Actor, "device_id">): { vector: Vector; dot: Dot } {
  const device = device_id ?? "server";
  const counter = (vector[device] ?? 0) + 1;
  return { vector: { ...vector, [device]: counter }, dot: `${device}:${counter}` };
}

/** Whether whoever had this vector knew of the change. What is older than dots counts as known. */
export function hasSeen(base: Vector, dot: Dot): boolean {
  if (dot === "") return true;
  const colon = dot.lastIndexOf(":");
  return (base[dot.slice(0, colon)] ?? 0) >= Number(dot.slice(colon + 1));
}

/** Characters of a device's name that a copy bears. */
const LABEL_MAX = 40;

/** A device's name as a part of a file's: nothing that some system does not take, neither brackets nor dots. */
export function deviceLabel(device_name: string | null | undefined): string {
  const portable = (device_name ?? "").replaceAll(/[/\\:*?"<>|().\p{C}]/gu, "").normalize("NFC");
  const label = [...portable].slice(0, LABEL_MAX).join("").trim();
  // A number alone would be a counter.
  return label === "" ? "another device" : /^\d+$/u.test(label) ? `device ${label}` : label;
}

/** What a stem ends with that has a number, and one that bears a device's name. */
const COUNTER = / \(\d+\)$/u;
const LABELLED = /^(.+) \(([^()]+)\)$/su;

/**
 * `notes.txt` -> `notes (Laptop).txt`, the first with a counter whose key is free. Of what bears a device's name already
 * the copy gets a counter, never a second bracket.
 * @param is_copy the file is a conflict copy itself, so the device in its name may be any
 */
export function conflictName(
  name: string,
  device_name: string | null | undefined,
  is_copy: boolean,
  isTaken: (key: string) => boolean,
): string {
  const [stem, extension] = splitName(name);
  const [root, label] = rootOf(stem, deviceLabel(device_name), is_copy);
  for (let n = 1; ; n++) {
    const candidate = fit(root, ` (${label})${n === 1 ? "" : ` (${n})`}${extension}`);
    if (!isTaken(nameKey(candidate))) return candidate;
  }
}

function rootOf(stem: string, label: string, is_copy: boolean): [root: string, label: string] {
  const [, root, own] = LABELLED.exec(stem.replace(COUNTER, "")) ?? [];
  return root !== undefined && own !== undefined && (is_copy || own === label) ? [root, own] : [stem, label];
}

/** What the keys of all names begin with that `conflictName` may try. */
export function conflictPrefix(name: string, device_name: string | null | undefined, is_copy: boolean): string {
  const [stem, extension] = splitName(name);
  const [root, label] = rootOf(stem, deviceLabel(device_name), is_copy);
  return prefixOf(root, ` (${label})${extension}`);
}
