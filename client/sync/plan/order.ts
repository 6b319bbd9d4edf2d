/** An order in which operations can be done (PL6): what must come before is visited first; what waits for itself is broken. */
export interface Ordering<Op> {
  /** What must be done before it. Null: it cannot be done now. */
  before(op: Op): Op[] | null;
  /** What frees the place of an operation before it is done itself; undefined: nothing does, or it was taken already. */
  breakAt(op: Op): Op | undefined;
}

/** @returns the operations that can be done, in order; those that were left out wait for another plan */
export function order<Op>(ops: Iterable<Op>, { before, breakAt }: Ordering<Op>): Op[] {
  const done: Op[] = [];
  const state = new Map<Op, "under_way" | "done" | "out">();
  const postponed: Op[] = [];
  const isBroken = (op: Op): boolean => {
    const freed = breakAt(op);
    if (freed !== undefined) done.push(freed);
    return freed !== undefined;
  };
  const visit = (op: Op): "done" | "out" | "cycle" => {
    const known = state.get(op);
    if (known === "under_way") return isBroken(op) ? "done" : "cycle";
    if (known !== undefined) return known;
    state.set(op, "under_way");
    const first = before(op);
    let result: "done" | "out" = first === null ? "out" : "done";
    for (const other of first ?? []) {
      const visited = visit(other);
      if (visited === "done") continue;
      if (visited === "cycle" && isBroken(op)) {
        // Its place is free; itself it waits for the end of the others.
        postponed.push(op);
        state.set(op, "done");
        return "done";
      }
      result = "out";
      break;
    }
    state.set(op, result);
    if (result === "done") done.push(op);
    return result;
  };
  for (const op of ops) visit(op);
  for (const op of postponed) {
    state.delete(op);
    visit(op);
  }
  return done;
}
