/** The wire: schemas, ids, error codes, sync messages. Shared by server and clients. */
export * from "./auth.ts";
export * from "./common.ts";
export * from "./errors.ts";
export * from "./files.ts";
export * from "./ids.ts";
export * from "./media-type.ts";
export * from "./search.ts";
export * from "./sharing.ts";
export * from "./sync.ts";
export * from "./uploads.ts";
