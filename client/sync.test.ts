import { expect, test } from "vitest";
import { ApiError, NetworkError } from "./errors.ts";
import { Http } from "./http.ts";
import { Sync } from "./sync.ts";

const START = { type: "start", cursor: "c" };
const END = { type: "end" };
const page = (after: string) => ({ type: "page", after });

/** One answer after another: its lines, and whether the stream then breaks. */
function serve(...answers: { lines: object[]; isBroken?: boolean }[]): { sync: Sync; asked: (string | null)[] } {
  const asked: (string | null)[] = [];
  const http = new Http({
    origin: "http://test",
    retries: 0,
    transport: async ({ url }) => {
      asked.push(new URL(url).searchParams.get("after"));
      const answer = answers.shift();
      if (answer === undefined) {
        const problem = { type: "", title: "", status: 410, code: "cursor_expired", detail: "", request_id: "" };
        return Response.json(problem, { status: 410 });
      }
      const text = answer.lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      // In two pieces, cut anywhere.
      const pieces = [text.slice(0, text.length / 3), text.slice(text.length / 3)];
      const body = new ReadableStream<Uint8Array>({
        pull(stream) {
          const piece = pieces.shift();
          if (piece !== undefined) stream.enqueue(new TextEncoder().encode(piece));
          else if (answer.isBroken === true) stream.error(new Error("cut"));
          else stream.close();
        },
      });
      return new Response(body);
    },
  });
  return { sync: new Sync(http, 1), asked };
}

async function read(sync: Sync, seen: unknown[] = []): Promise<unknown[]> {
  for await (const line of sync.snapshot()) seen.push(line);
  return seen;
}

test("SN1: lines come as they were sent, up to the end", async () => {
  const { sync, asked } = serve({ lines: [START, page("a"), END] });
  expect(await read(sync)).toEqual([START, page("a"), END]);
  expect(asked).toEqual([null]);
});

test("SN2: a stream that breaks, or has no end, goes on behind its last page", async () => {
  const { sync, asked } = serve(
    { lines: [START, page("a"), page("b")], isBroken: true },
    { lines: [page("c")] },
    { lines: [END] },
  );
  expect(await read(sync)).toEqual([START, page("a"), page("b"), page("c"), END]);
  expect(asked).toEqual([null, "b", "c"]);
});

test("SN1: one that breaks again and again without a page fails; a refusal is not tried again", async () => {
  const broken = Array.from({ length: 6 }, () => ({ lines: [], isBroken: true }));
  const { sync, asked } = serve(...broken);
  await expect(read(sync)).rejects.toThrow(NetworkError);
  expect(asked.length).toBe(6);
  await expect(read(sync)).rejects.toThrow(ApiError);
});
