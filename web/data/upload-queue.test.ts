import { expect, test } from "vitest";
import { ApiError, NetworkError, type UploadRequest } from "../../client/index.ts";
import { UploadQueue, type UploadStatus } from "./upload-queue.ts";

const file = (name: string, size = 4): File => new File([new Uint8Array(size)], name);
const taken = (): ApiError =>
  new ApiError({ type: "", title: "", status: 409, code: "name_taken", detail: "“a” is taken.", request_id: "" });
const statuses = (queue: UploadQueue<unknown>): UploadStatus[] => queue.snapshot().items.map((i) => i.status);

test("files go a few at a time, all are sent, and the sum ends at their sizes", async () => {
  let now = 0;
  let most = 0;
  const queue = new UploadQueue(
    async ({ source, onProgress }: UploadRequest) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      onProgress?.({ sent: source.size, total: source.size, rate: 10, left_s: 0 });
      now--;
    },
    () => undefined,
  );
  queue.add(
    Array.from({ length: 30 }, (_, i) => file(`${i}`)),
    "p",
  );
  await expect.poll(() => statuses(queue).filter((s) => s === "done")).toHaveLength(30);
  expect(queue.snapshot()).toMatchObject({ sent: 120, total: 120, running: 0 });
  expect(most).toBe(4);
});

test("a taken name waits for an answer, which goes with the next attempt", async () => {
  const asked: unknown[] = [];
  const queue = new UploadQueue(
    async ({ on_name_conflict }: UploadRequest) => {
      asked.push(on_name_conflict);
      if (!on_name_conflict) throw taken();
    },
    () => undefined,
  );
  queue.add([file("a")], "p");
  await expect.poll(() => statuses(queue)).toEqual(["name_taken"]);
  queue.retry(queue.snapshot().items[0]?.id ?? 0, "rename");
  await expect.poll(() => statuses(queue)).toEqual(["done"]);
  expect(asked).toEqual([undefined, "rename"]);
});

test("a lost connection is no failure: the upload goes on when it is back", async () => {
  let online = false;
  const queue = new UploadQueue(
    async () => {
      if (!online) throw new NetworkError(null);
    },
    () => undefined,
  );
  queue.add([file("a")], "p");
  await expect.poll(() => statuses(queue)).toEqual(["offline"]);
  online = true;
  queue.resume();
  await expect.poll(() => statuses(queue)).toEqual(["done"]);
});

test("a cancelled upload is aborted and gone, and its place is taken by the next", async () => {
  const aborted: string[] = [];
  const queue = new UploadQueue(
    ({ source, signal }: UploadRequest) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          aborted.push(source.name);
          reject(signal.reason as Error);
        });
      }),
    () => undefined,
  );
  queue.add(
    ["a", "b", "c", "d", "e"].map((n) => file(n)),
    "p",
  );
  await expect.poll(() => statuses(queue)).toEqual(["sending", "sending", "sending", "sending", "waiting"]);
  queue.cancel(queue.snapshot().items[0]?.id ?? 0);
  await expect.poll(() => statuses(queue)).toEqual(["sending", "sending", "sending", "sending"]);
  expect(aborted).toEqual(["a"]);
  queue.cancelAll();
  await expect.poll(() => statuses(queue)).toEqual([]);
});
