import { raw } from "hono/html";

const draw = (paths: string) =>
  raw(
    `<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${paths}</svg>`,
  );

const PAGE = `<path d="M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8z"/><path d="M14 3v5h5"/>`;

const file = draw(PAGE);
const text = draw(`${PAGE}<path d="M9 13h6M9 17h4"/>`);
const picture = draw(
  `<rect x="3" y="4" width="18" height="16" rx="2.5"/><circle cx="9" cy="10" r="1.7"/><path d="m4 18 5-4.5 3.5 3L16 13l4.5 4"/>`,
);
const film = draw(`<rect x="3" y="5" width="18" height="14" rx="2.5"/><path d="m10.5 9.2 4.5 2.8-4.5 2.8z"/>`);
const sound = draw(`<path d="M9 18V6l10-2v12"/><circle cx="6.5" cy="18" r="2.5"/><circle cx="16.5" cy="16" r="2.5"/>`);
const archive = draw(
  `<rect x="4" y="4" width="16" height="16" rx="2.5"/><path d="M12 4v3m0 2v2m0 2v3"/><path d="M10.5 16h3"/>`,
);

export const folderIcon = draw(
  `<path d="M3 7a2 2 0 0 1 2-2h4l2.2 2.5H19a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z"/>`,
);
export const downloadIcon = draw(`<path d="M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 20h14"/>`);
export const lockIcon = draw(`<rect x="5" y="11" width="14" height="9" rx="2.5"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>`);
export const brokenIcon = draw(
  `<path d="M9.5 14.5 7.8 16.2a3 3 0 0 1-4.2-4.2l2.6-2.6M14.5 9.5l1.7-1.7a3 3 0 0 1 4.2 4.2l-2.6 2.6M8 4l1 3M4 8l3 1M16 20l-1-3M20 16l-3-1"/>`,
);
export const logo = draw(`<path d="M4 15.5 12 20l8-4.5M4 12l8 4.5L20 12M12 4 4 8.5l8 4.5 8-4.5z"/>`);

export function iconOf(is_folder: boolean, mime_type: string | null) {
  if (is_folder) return folderIcon;
  const type = mime_type ?? "";
  if (type.startsWith("image/")) return picture;
  if (type.startsWith("video/")) return film;
  if (type.startsWith("audio/")) return sound;
  if (/zip|compressed|tar|gzip|7z|rar/.test(type)) return archive;
  if (type.startsWith("text/") || /pdf|word|document|json|xml/.test(type)) return text;
  return file;
}
