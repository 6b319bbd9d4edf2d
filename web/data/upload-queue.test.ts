import { expect, test } from "vitest";
import { ApiError, BATCH, NetworkError, type UploadRequest } from "../../client/index.ts";
import { UploadQueue, type UploadStatus } from "./upload-queue.ts";

const file = (name: string, size = 4): File => new File([new Uint8Array(size)], name);
/** Too long for a batch. */
const large = (name: string): File => file(name, BATCH.file_bytes + 1);
const each =
  <T>(send: (request: UploadRequest) => Promise<T>) =>
  (requests: readonly UploadRequest[]): Promise<PromiseSettledResult<T>[]> =>
    Promise.allSettled(requests.map(send));
const taken = (): ApiError =>
  new ApiError({ type: "", title: "", status: 409, code: "name_taken", detail: "“a” is taken.", request_id: "" });
const statuses = (queue: UploadQueue<unknown>): UploadStatus[] => queue.snapshot().items.map((i) => i.status);

test("files go a few at a time, all are sent, and the sum ends at their sizes", async () => {
  let now = 0;
  let most = 0;
  const queue = new UploadQueue(
    each(async ({ source, onProgress }) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      onProgress?.({ sent: source.size, total: source.size, rate: 10, left_s: 0 });
      now--;
    }),
    () => undefined,
  );
  queue.add(
    Array.from({ length: 30 }, (_, i) => large(`${i}`)),
    "p",
  );
  await expect.poll(() => statuses(queue).filter((s) => s === "done")).toHaveLength(30);
  expect(queue.snapshot()).toMatchObject({ sent: 30 * large("").size, total: 30 * large("").size, running: 0 });
  expect(most).toBe(4);
});

test("a taken name waits for an answer, which goes with the next attempt", async () => {
  const asked: unknown[] = [];
  const queue = new UploadQueue(
    each(async ({ on_name_conflict }) => {
      asked.push(on_name_conflict);
      if (!on_name_conflict) throw taken();
    }),
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
    each(async () => {
      if (!online) throw new NetworkError(null);
    }),
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
    each(
      ({ source, signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => {
            aborted.push(source.name);
            reject(signal.reason as Error);
          });
        }),
    ),
    () => undefined,
  );
  queue.add(
    ["a", "b", "c", "d", "e"].map((n) => large(n)),
    "p",
  );
  await expect.poll(() => statuses(queue)).toEqual(["sending", "sending", "sending", "sending", "waiting"]);
  queue.cancel(queue.snapshot().items[0]?.id ?? 0);
  await expect.poll(() => statuses(queue)).toEqual(["sending", "sending", "sending", "sending"]);
  expect(aborted).toEqual(["a"]);
  queue.cancelAll();
  await expect.poll(() => statuses(queue)).toEqual([]);
});

test("small files that wait go together, and each has an outcome of its own", async () => {
  const batches: string[][] = [];
  const queue = new UploadQueue(
    (requests) => {
      batches.push(requests.map(({ source }) => source.name));
      return each(async ({ source }) => {
        if (source.name === "7") throw taken();
      })(requests);
    },
    () => undefined,
  );
  queue.add([...Array.from({ length: 600 }, (_, i) => file(`${i}`)), large("large")], "p");
  await expect.poll(() => queue.snapshot().running === 0 && statuses(queue)).toHaveLength(601);
  expect(batches.map((batch) => batch.length).toSorted((a, b) => a - b)).toEqual([1, 100, 500]);
  expect(statuses(queue).filter((status) => status !== "done")).toEqual(["name_taken"]);
});

test("a file that replaces another names it and keeps its op_id, so that only what changed is sent", async () => {
  const asked: Pick<UploadRequest, "file_id" | "op_id">[] = [];
  const refusal = taken();
  Object.assign(refusal.extra, { file_id: "holder" });
  const queue = new UploadQueue(
    each(async ({ file_id, op_id }) => {
      asked.push({ file_id, op_id });
      if (asked.length === 1) throw refusal;
    }),
    () => undefined,
  );
  queue.add([file("a")], "p");
  await expect.poll(() => statuses(queue)).toEqual(["name_taken"]);
  queue.retry(queue.snapshot().items[0]?.id ?? 0, "new_version");
  await expect.poll(() => statuses(queue)).toEqual(["done"]);
  expect(asked.map(({ file_id }) => file_id)).toEqual([undefined, "holder"]);
  expect(asked[0]?.op_id).toBe(asked[1]?.op_id);
});
