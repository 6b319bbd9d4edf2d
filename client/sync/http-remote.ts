/** The server, over the typed client. */
import type { File, UploadedFile } from "../../core/protocol/files.ts";
import { BatchBody, type BatchChange, sendBatch } from "../batch.ts";
import { keepingState } from "../download-state.ts";
import { NetworkError } from "../errors.ts";
import type { Files } from "../files.ts";
import { webRuntime } from "../runtime.ts";
import type { Session } from "../session.ts";
import type { Sync } from "../sync.ts";
import { send, STATE_MIN } from "../upload.ts";
import type { UploadTools } from "../upload-request.ts";
import type {
  ChangeAnswer,
  OutgoingChange,
  OutgoingPut,
  Remote,
  RemoteChange,
  RemoteFile,
  RemoteLine,
} from "./ports.ts";

export interface HttpRemoteTools {
  session: Session;
  files: Files;
  sync: Sync;
  uploads: UploadTools;
}

export class HttpRemote implements Remote {
  readonly #tools: HttpRemoteTools;

  constructor(tools: HttpRemoteTools) {
    this.#tools = tools;
  }

  async me(): Promise<{ user_id: string; device_id: string; drive_id: string; root_id: string }> {
    const { user, device_id } = await this.#tools.session.me();
    const root = await this.#tools.files.get(user.root_folder_id);
    return { user_id: user.user_id, device_id, drive_id: root.drive_id, root_id: root.file_id };
  }

  async changes(cursor: string | null): Promise<{ changes: RemoteChange[]; cursor: string; has_more: boolean }> {
    const { changes, next_cursor, has_more } = await this.#tools.sync.changes(cursor);
    return {
      changes: changes.map(({ seq, drive_id, file_id, op, file }) => ({
        seq,
        drive_id,
        file_id,
        op,
        file: file && remoteFile(file),
      })),
      cursor: next_cursor,
      has_more,
    };
  }

  async *snapshot(folder_id: string | null): AsyncGenerator<RemoteLine> {
    for await (const line of this.#tools.sync.snapshot(folder_id === null ? {} : { folder_id }))
      yield line.type === "file" ? { type: "file", file: remoteFile(line.file) } : line;
  }

  async delta(changes: readonly OutgoingChange[], signal?: AbortSignal): Promise<ChangeAnswer[]> {
    const { uploads } = this.#tools;
    const body = new BatchBody();
    const asked: BatchChange[] = [];
    for (const outgoing of changes) {
      if (!("content" in outgoing)) {
        asked.push(outgoing.change);
        continue;
      }
      const { size, read } = outgoing.content;
      // All its bytes go along: there is nothing that a version before would be needed for.
      const { base_version_id: _delta, ...put } = outgoing.change;
      asked.push({ ...put, ...(await body.add(await read(0, size), uploads.runtime ?? webRuntime)) });
    }
    const frames = await body.bytes();
    return uploads.gate.run(() => sendBatch(uploads, asked, frames, signal, () => undefined));
  }

  async upload(
    { change, content }: OutgoingPut,
    progress: (sent_bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<ChangeAnswer> {
    const { op_id, file_id, parent_id = "root", name = "", base, modified_at, mime_type } = change;
    let sent = 0;
    const file = await send(
      this.#tools.uploads,
      {
        source: { size: content.size, read: (offset, length) => content.read(offset, length) },
        resume_key: `edgedrive.sync:${content.key}:${content.hash}:${file_id ?? parent_id}`,
        start: {
          parent_id,
          name,
          base,
          ...(modified_at && { modified_at }),
          ...(mime_type && { mime_type }),
          ...(file_id && { file_id }),
        },
        op_id,
        pausable: true,
        signal,
      },
      ({ network, found = 0 }) => progress((sent += network + found)),
    );
    return answerOf(change, file);
  }

  download_small(
    items: readonly { file_id: string; version_id: string }[],
    signal?: AbortSignal,
  ): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
    return this.#tools.sync.contents(items, signal);
  }

  async download(
    file_id: string,
    version_id: string,
    offset: number,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { files, uploads } = this.#tools;
    const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const answer = await files.download(file_id, { version_id, signal, ...range });
    const body = whole(answer.body!, signal);
    const size = Number(answer.headers.get("content-length"));
    // So that the next edit here is sent as what changed.
    return offset === 0 && size >= STATE_MIN ? keepingState(uploads, { file_id, version_id, size }, body) : body;
  }
}

/** What the client keeps of a file. */
const remoteFile = (file: File): RemoteFile => ({
  file_id: file.file_id,
  drive_id: file.drive_id,
  parent_id: file.parent_id,
  name: file.name,
  is_folder: file.is_folder,
  size: file.size,
  content_hash: file.content_hash,
  version_id: file.version_id,
  vector: file.vector,
  permission: file.permission,
  metadata: file.metadata,
  modified_at: file.modified_at,
  trashed_at: file.trashed_at,
});

/** An upload of its own answers the file that the bytes became: the named one, or a copy beside it (CF3). */
function answerOf({ op_id, file_id }: OutgoingPut["change"], file: UploadedFile): ChangeAnswer {
  const isCopy = file.conflict_of !== null && file.file_id !== file_id;
  return {
    op_id,
    status: isCopy ? "conflict" : "applied",
    file: isCopy ? null : file,
    copy: isCopy ? file : null,
    version_id: file.version_id,
    code: null,
    detail: null,
  };
}

/** @throws NetworkError when it breaks off, the signal's reason when aborted */
async function* whole(body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new NetworkError(cause);
  }
}
