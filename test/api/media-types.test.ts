/** How the type of a file is taken and sent. docs/spec/files.md, T1 and T2. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import type { Permission } from "../../core/protocol/sharing.ts";
import { Api, expectProblem, newUser, shardOf, text, type User } from "../support/workerd/api.ts";

let user: User;
beforeAll(async () => {
  user = await newUser();
});

const upload = (name: string, content_type: string): Promise<File> =>
  user.ok<File>("POST", `files/upload?${new URLSearchParams({ parent_id: "root", name })}`, {
    body: text("<script>alert(1)</script>"),
    headers: { "content-type": content_type },
  });

const served = async (file_id: string): Promise<[number, string | null, string | undefined]> => {
  const { status, headers } = await user.ask("GET", `files/${file_id}/download`);
  return [status, headers.get("content-type"), headers.get("content-disposition")?.split(";")[0]];
};

let files = 0;
const name = (extension: string): string => `file ${++files}.${extension}`;

describe("T1: what is stored", () => {
  it.for([
    ["png", "IMAGE/PNG", "image/png"],
    ["bin", "Text/HTML;Charset=utf-8", "text/html; charset=utf-8"],
    ["png", "text/html, image/png", "image/png"],
    ["png", "text/html;,image/png", "image/png"],
    ["pdf", "nonsense", "application/pdf"],
    ["unknown", "image/png; a", "application/octet-stream"],
  ] as const)("%s sent as %s: %s", async ([extension, said, stored]) => {
    expect((await upload(name(extension), said)).mime_type).toBe(stored);
  });

  it.for(["image/png\r\nx: y", "image/png;,text/html", "image/png\u0000", "image"])(
    "%j is refused",
    async (mime_type) => {
      const json = { parent_id: "root", name: name("png"), size: 1, mime_type };
      expectProblem(await user.ask("POST", "files/upload", { json }), 400, "invalid_request");
      const query = new URLSearchParams({ parent_id: "root", name: name("png"), mime_type });
      expectProblem(await user.ask("POST", `files/upload?${query}`, { body: "x" }), 400, "invalid_request");
    },
  );
});

describe("T2: what is sent", () => {
  it.for([
    ["image/SVG+xml", "image/svg+xml", "attachment"],
    ["image/anything+XML", "image/anything+xml", "attachment"],
    ["text/plainly", "text/plainly", "attachment"],
    ["text/plain; charset=utf-8", "text/plain", "inline"],
    ['image/png; a="text/html"', "image/png", "inline"],
  ] as const)("%s", async ([said, type, disposition]) => {
    const { file_id } = await upload(name("bin"), said);
    expect(await served(file_id)).toEqual([200, type, disposition]);
  });

  it.for(["image/png\r\nx: y", "image/png;,text/html", "image/png\u0000", "ü/ü", "", "image/SVG+xml"])(
    "%j, stored by an earlier release, makes nothing unreadable, by the API or by a link",
    async (stored) => {
      const { file_id } = await upload(name("png"), "image/png");
      const db = await shardOf(file_id);
      for (const table of ["files", "versions"])
        await db.prepare(`update ${table} set mime_type = ?2 where file_id = ?1`).bind(file_id, stored).run();
      const wanted = stored.includes("SVG") ? "image/svg+xml" : "application/octet-stream";
      expect(await served(file_id)).toEqual([200, wanted, "attachment"]);
      const json = { link: true, permission: "view" };
      const { token } = await user.ok<Permission>("POST", `files/${file_id}/share`, { json });
      const { status, headers } = await new Api().ask("GET", `/s/${token}/download`);
      expect([status, headers.get("content-type")]).toEqual([200, wanted]);
    },
  );
});
