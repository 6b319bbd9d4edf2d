import type { FileRow } from "../files/model.ts";
import type { Command } from "../sync/commands.ts";

/** One command in the drive's order. Throws the `DriveError` of a refusal. @returns the file that it left */
export type Run = (command: Command, op_id: string) => Promise<FileRow | null>;

/**
 * Ends the versions of a file up to `through`, slice by slice. Each slice has an `op_id` of its own, named after what is
 * left: a repeat goes on where an earlier one stopped. docs/spec/versions.md, V5.
 */
export async function endHistory(
  run: Run,
  { file_id, version_count }: Pick<FileRow, "file_id" | "version_count">,
  through: number,
  op_id: string,
): Promise<void> {
  for (let left = version_count; left > 1;) {
    const file = await run({ op: "purge_versions", file_id, through }, `${op_id}/${left}`);
    if (file === null || file.version_count >= left) return;
    left = file.version_count;
  }
}
