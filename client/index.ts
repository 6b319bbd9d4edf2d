/** The typed client: runs in browsers and Node, needs fetch and WebCrypto only. */
export * from "./errors.ts";
export * from "./file-order.ts";
export * from "./files.ts";
export { Gate } from "./gate.ts";
export * from "./http.ts";
export * from "./live.ts";
export * from "./meter.ts";
export * from "./search.ts";
export * from "./session.ts";
export * from "./sharing.ts";
export * from "./storage.ts";
export * from "./sync.ts";
export { ONE_REQUEST_MAX, upload } from "./upload.ts";
export * from "./upload-request.ts";
