import { describe, expect, it } from "vitest";
import { workerBytes } from "./bytes.ts";

describe("the body of a request", () => {
  it("that breaks off is the client's fault, never one of ours", async () => {
    let pulls = 0;
    const body = new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (pulls++ === 0) controller.enqueue(new Uint8Array(1000));
        else controller.error(new Error("Network connection lost."));
      },
    }) as ReadableStream<Uint8Array>;
    const read = async (): Promise<void> => {
      for await (const _ of workerBytes.pieces(body, 256));
    };
    await expect(read()).rejects.toMatchObject({ code: "invalid_request", extra: { reason: "body_broken_off" } });
  });
});
