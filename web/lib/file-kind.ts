import type { File } from "../../client/index.ts";

export type FileKind =
  | "folder"
  | "image"
  | "pdf"
  | "text"
  | "video"
  | "audio"
  | "archive"
  | "sheet"
  | "slides"
  | "other";

const BY_EXTENSION: Record<string, FileKind> = {
  ...kinds(
    "text",
    "txt md csv json xml yml yaml toml log ini html css js ts jsx tsx py rb go rs c h cpp java sh sql doc docx odt rtf",
  ),
  ...kinds("archive", "zip gz tgz tar 7z rar bz2 xz zst"),
  ...kinds("sheet", "xls xlsx ods numbers"),
  ...kinds("slides", "ppt pptx odp key"),
  ...kinds("pdf", "pdf"),
  ...kinds("image", "png jpg jpeg gif webp avif svg heic bmp tiff"),
  ...kinds("video", "mp4 mov mkv webm avi"),
  ...kinds("audio", "mp3 flac wav ogg m4a"),
};

function kinds(kind: FileKind, extensions: string): Record<string, FileKind> {
  return Object.fromEntries(extensions.split(" ").map((e) => [e, kind]));
}

/** By extension first: a browser sends `application/octet-stream` for much that it does not know. */
export function kindOf(file: Pick<File, "is_folder" | "name" | "mime_type">): FileKind {
  if (file.is_folder) return "folder";
  const extension = file.name.slice(file.name.lastIndexOf(".") + 1).toLowerCase();
  const known = BY_EXTENSION[extension];
  if (known) return known;
  const family = file.mime_type?.split("/")[0];
  return family === "image" || family === "video" || family === "audio" || family === "text" ? family : "other";
}

const OFFICE_TEXT = /\.(docx?|odt|rtf)$/i;

/** Readable as it is, without a converter. */
export const isPlainText = (file: Pick<File, "is_folder" | "name" | "mime_type">): boolean =>
  kindOf(file) === "text" && !OFFICE_TEXT.test(file.name);
