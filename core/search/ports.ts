import type { FileType } from "../protocol/search.ts";
import type { IndexDocument } from "./document.ts";

/** A hit before rights were looked at: for the server's eyes only. */
export interface Candidate {
  file_id: string;
  type: FileType;
  score: number;
}

export interface CandidateQuery {
  q: string;
  /** Milliseconds since the epoch, both inclusive: of the last change. */
  after?: number | undefined;
  before?: number | undefined;
  /** Only what lies in these folders, or is one of these files. A hint: the index may lag behind a move. */
  under?: string[] | undefined;
  now: number;
}

/** The index of one drive. It knows nothing of rights and trash. */
export interface DriveIndex {
  put(documents: IndexDocument[]): Promise<void>;
  remove(files: { file_id: string; seq: number }[]): Promise<void>;
  /** What lies below these files, as far as the index knows: to find what went with a purged folder. */
  below(file_ids: string[]): Promise<string[]>;
  /** Of which content, read as which type, the index has the text of each file. */
  contents(file_ids: string[]): Promise<Record<string, Pick<IndexDocument, "content_id" | "type">>>;
  query(query: CandidateQuery): Promise<Candidate[]>;
  snippets(q: string, file_ids: string[]): Promise<Record<string, string | null>>;
  suggest(q: string, under: string[] | undefined): Promise<Candidate[]>;
}
