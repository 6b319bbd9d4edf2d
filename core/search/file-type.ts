import type { FileType } from "../protocol/search.ts";

/** Extensions that say more than `application/octet-stream` or no type at all. Lower case. */
const BY_EXTENSION: Record<Exclude<FileType, "folder" | "other">, string> = {
  image: "jpg jpeg jpe png gif webp avif heic heif bmp tif tiff svg ico raw cr2 nef arw dng psd",
  pdf: "pdf",
  text:
    "txt text md markdown log csv tsv json jsonl yaml yml toml ini conf cfg env xml html htm css scss less js mjs cjs " +
    "ts mts tsx jsx vue py rb rs go java kt swift c h cc cpp hpp cs php pl lua r sh bash zsh fish ps1 bat sql tex rst srt vtt diff patch",
  video: "mp4 m4v mov mkv webm avi wmv mpg mpeg 3gp ogv",
  audio: "mp3 m4a aac flac wav ogg oga opus wma aiff mid",
  document: "doc docx odt rtf xls xlsx ods ppt pptx odp pages numbers key epub",
  archive: "zip tar gz tgz bz2 xz 7z rar zst jar iso dmg",
};

const TYPE_OF_EXTENSION = new Map<string, FileType>(
  Object.entries(BY_EXTENSION).flatMap(([type, list]) => list.split(" ").map((e) => [e, type as FileType] as const)),
);

const BY_MIME: [RegExp, FileType][] = [
  [/^image\//, "image"],
  [/^application\/pdf$/, "pdf"],
  [/^video\//, "video"],
  [/^audio\//, "audio"],
  [/^text\/rtf$/, "document"],
  [/^text\//, "text"],
  [/^application\/(json|xml|yaml|x-yaml|toml|javascript|typescript|sql|x-sh|x-httpd-php)$|[+](json|xml)$/, "text"],
  [
    /^application\/(msword|rtf|epub\+zip|vnd\.(ms-excel|ms-powerpoint|openxmlformats-officedocument|oasis\.opendocument).*)/,
    "document",
  ],
  [
    /^application\/(zip|gzip|x-tar|x-gtar|x-7z-compressed|x-bzip2|x-xz|zstd|vnd\.rar|x-rar-compressed|java-archive)$/,
    "archive",
  ],
];

export const extensionOf = (name: string): string => {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot + 1).toLowerCase();
};

export interface Named {
  name: string;
  mime_type: string | null;
  is_folder: boolean;
}

/** A kind of file as people name it. The declared type counts, but for the one that says nothing. */
export function fileTypeOf({ name, mime_type, is_folder }: Named): FileType {
  if (is_folder) return "folder";
  const mime = (mime_type ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const declared = BY_MIME.find(([pattern]) => pattern.test(mime))?.[1];
  return declared ?? TYPE_OF_EXTENSION.get(extensionOf(name)) ?? "other";
}
