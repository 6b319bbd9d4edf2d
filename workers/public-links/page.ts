/** What a visitor sees: small pages without scripts. Every value goes through `html`, which escapes it. */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { ErrorCode } from "../../core/protocol/errors.ts";
import type { Link, SharedFile } from "../../core/sharing/links.ts";
import type { SharedFolder, SharedItem } from "../../platform/d1/shard/links-store.ts";
import { brokenIcon, downloadIcon, iconOf, lockIcon, logo } from "./icons.ts";
import { STYLE_ELEMENT } from "./style.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** Decimal units, as file managers and drives count. */
export function formatSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  if (unit === 0) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

const days = new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" });
const minutes = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });

const document = (title: string, body: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Edgedrive</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <header>${logo}Edgedrive</header>
        <main>${body}</main>
        <footer>Shared with Edgedrive</footer>
      </body>
    </html>`;

const expiry = (link: Link): Html | "" =>
  link.expires_at === null ? "" : html`<p>The link works until ${minutes.format(link.expires_at)} UTC</p>`;

/** Pictures that a browser shows by itself and that are worth loading at once; one that counts downloads shows none. */
const hasPicture = (link: Link, file: SharedFile): boolean =>
  /^image\/(png|jpe?g|gif|webp|avif)$/.test(file.mime_type ?? "") &&
  file.size <= 20_000_000 &&
  link.max_downloads === null;

export function filePage(link: Link): Html {
  const { file } = link;
  const download = `/s/${link.token}/download`;
  const preview = hasPicture(link, file)
    ? html`<img class="picture" src="${download}" alt="" />`
    : html`<div class="icon">${iconOf(false, file.mime_type)}</div>`;
  return document(
    file.name,
    html`<div class="hero">
      ${preview}
      <div>
        <h1>${file.name}</h1>
        <p class="meta">${formatSize(file.size)} · updated ${days.format(file.updated_at)}</p>
        ${expiry(link)}
      </div>
      <a class="button" href="${download}" download="${file.name}">${downloadIcon}Download</a>
    </div>`,
  );
}

const item = (link: Link, file: SharedItem): Html => {
  const id = encodeURIComponent(file.file_id);
  const href = file.is_folder ? `/s/${link.token}?folder_id=${id}` : `/s/${link.token}/download?file_id=${id}`;
  return html`<li>
    <a href="${href}"
      >${iconOf(file.is_folder, file.mime_type)}<span class="name">${file.name}</span>
      <span class="size">${file.is_folder ? "" : formatSize(file.size)}</span></a
    >
  </li>`;
};

export function folderPage(link: Link, folder: SharedFolder): Html {
  const here = folder.path.at(-1);
  const above = folder.path.slice(0, -1);
  const trail =
    above.length === 0
      ? ""
      : html`<nav aria-label="Folders above">
          ${above.map((f) => html`<a href="/s/${link.token}?folder_id=${f.file_id}">${f.name}</a><span aria-hidden="true">›</span>`)}
        </nav>`;
  const list =
    folder.items.length === 0
      ? html`<p class="empty">This folder is empty.</p>`
      : html`<ul>
          ${folder.items.map((file) => item(link, file))}
        </ul>`;
  const query = new URLSearchParams({ folder_id: here?.file_id ?? "", cursor: folder.next_cursor ?? "" });
  const more =
    folder.next_cursor === null
      ? ""
      : html`<p class="more"><a href="/s/${link.token}?${query.toString()}">Show more</a></p>`;
  return document(
    here?.name ?? link.file.name,
    html`${trail}
      <div class="head">
        <h1>${here?.name}</h1>
        <p>Shared folder</p>
        ${expiry(link)}
      </div>
      ${list}${more}`,
  );
}

/** @param wrong what was wrong with the last try */
export const passwordPage = (wrong: string | null): Html =>
  document(
    "Password needed",
    html`<div class="hero">
      <div class="icon">${lockIcon}</div>
      <div>
        <h1>This link is protected</h1>
        <p class="meta">Ask whoever sent it to you for the password.</p>
      </div>
      <form method="post">
        <label
          >Password<input type="password" name="password" required autofocus autocomplete="off" maxlength="256"
        /></label>
        ${wrong === null ? "" : html`<p class="wrong" role="alert">${wrong}</p>`}
        <button class="button">Open</button>
      </form>
    </div>`,
  );

const PLAIN: Partial<Record<ErrorCode, [title: string, text: string]>> = {
  not_found: ["This link leads nowhere", "It may be mistyped, or what it showed is not there any more."],
  link_expired: ["This link has expired", "Ask whoever sent it to you for a new one."],
  link_revoked: ["This link was withdrawn", "Its owner does not share this any more."],
  download_limit_reached: ["This link is used up", "It was downloaded as often as its owner allowed."],
  not_a_file: ["This is a folder", "Open it to see what is in it."],
};

export function errorPage(code: ErrorCode): Html {
  const [title, text] = PLAIN[code] ?? ["Something went wrong", "Please try again in a moment."];
  return document(
    title,
    html`<div class="hero">
      <div class="icon">${brokenIcon}</div>
      <div>
        <h1>${title}</h1>
        <p class="meta">${text}</p>
      </div>
    </div>`,
  );
}
