import { useEffect, useState } from "react";
import type { File } from "../../client/index.ts";
import { files } from "../lib/drive.ts";
import { kindOf, type FileKind } from "../lib/file-kind.ts";

/** A new picture's thumbnail is made within seconds: until then the server has none to show. Milliseconds. */
const ASK_AGAIN_MS = [1500, 3000, 6000, 12_000];

/** Outlines on a 24 grid; a document's sheet lies under all but folders. */
const SHEET =
  "M6.500 3.500h7l4.500 4.500v11a1.500 1.500 0 0 1-1.500 1.500h-10A1.500 1.500 0 0 1 5 19V5a1.500 1.500 0 0 1 1.500-1.500zM13.500 3.500V8H18";
const SIGNS: Record<FileKind, string> = {
  folder: "M3 8a2 2 0 0 1 2-2h4.200l2.300 2.500H19a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
  image:
    "M5 4.500h14A1.500 1.500 0 0 1 20.500 6v12a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 18V6A1.500 1.500 0 0 1 5 4.500zM4 16.500l4.500-4.500 4 4 2.500-2.500 5 4.500M15.500 9.500h.01",
  pdf: `${SHEET}M8.500 16.500c3-1 4-3.500 3.500-6 1 3 2.500 4 4 4.500-2.500-.5-5 .2-7.500 1.500z`,
  text: `${SHEET}M8.500 12h6M8.500 15.500h6`,
  video:
    "M5 5.500h14A1.500 1.500 0 0 1 20.500 7v10a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 17V7A1.500 1.500 0 0 1 5 5.500zM10 9.200v5.600l4.800-2.800z",
  audio:
    "M9 17.500V6l10-2v11.500M9 17.500a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0zM19 15.500a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0z",
  archive: `${SHEET}M10 4v1.500M10 8v1.500M10 12v1.500M9 16h2v2H9z`,
  sheet: `${SHEET}M8.500 12h6.500v5H8.500zM8.500 14.500H15M11.700 12v5`,
  slides: `${SHEET}M8.500 12h6v4.500h-6z`,
  other: SHEET,
};

/** What a file is at a glance: its thumbnail when it is a picture, else a sign for its kind. */
export function FileIcon({ file }: { file: File }) {
  const kind = kindOf(file);
  return (
    <span className={`file-icon ${kind}`} aria-hidden="true">
      <svg className="sign" viewBox="0 0 24 24">
        <path d={SIGNS[kind]} />
      </svg>
      {kind === "image" && file.version_id ? <Thumbnail key={file.version_id} file={file} /> : null}
    </span>
  );
}

function Thumbnail({ file }: { file: File }) {
  const [attempt, setAttempt] = useState(0);
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");
  useEffect(() => {
    const wait = ASK_AGAIN_MS[attempt];
    if (state !== "failed" || wait === undefined) return;
    const timer = setTimeout(() => {
      setAttempt(attempt + 1);
      setState("loading");
    }, wait);
    return () => clearTimeout(timer);
  }, [state, attempt]);
  if (state === "failed") return null;
  return (
    <img
      // The attempt makes it another address: a browser does not ask again for one that has just failed.
      src={`${files.thumbnail_url(file, "s")}&attempt=${attempt}`}
      alt=""
      loading="lazy"
      decoding="async"
      className={state}
      onLoad={() => setState("shown")}
      onError={() => setState("failed")}
    />
  );
}
