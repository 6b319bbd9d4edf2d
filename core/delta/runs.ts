/** Copies in the order of the target, flat: position in the target, position in the base, length. */
export type Matches = number[];

/** Length of the common run of `a` from `at` and `b` from `offset`. */
export function commonRun(a: Uint8Array, at: number, b: Uint8Array, offset: number): number {
  const most = Math.min(a.length - at, b.length - offset);
  let length = 0;
  while (length < most && a[at + length] === b[offset + length]) length++;
  return length;
}
