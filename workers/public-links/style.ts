/** The pages' only style sheet, inline; the Content-Security-Policy names it by its hash, so nothing else applies. */
import { createHash } from "node:crypto";
import { raw } from "hono/html";

const STYLE = `
:root{color-scheme:light dark;--bg:#f4f5f8;--card:#fff;--ink:#1b1f2a;--soft:#5f6779;--line:#e4e7ee;--accent:#2f5bea;--on-accent:#fff;--tint:#eef2ff;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--bg:#0f1218;--card:#181c25;--ink:#eceff6;--soft:#9aa3b6;--line:#2a303d;--accent:#7d9bff;--on-accent:#0c1230;--tint:#1f2740;--bad:#ff9d94}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;align-items:center;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;padding:0 16px}
header,footer{width:100%;max-width:640px;color:var(--soft);font-size:14px}
header{display:flex;align-items:center;gap:8px;padding:24px 4px;font-weight:600}
header svg{color:var(--accent)}
footer{margin-top:auto;padding:24px 4px;text-align:center}
main{width:100%;max-width:640px;background:var(--card);border:1px solid var(--line);border-radius:20px;padding:32px;box-shadow:0 1px 2px rgb(0 0 0/.04),0 12px 32px rgb(0 0 0/.06)}
h1{margin:0;font-size:22px;line-height:1.3;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
p{margin:0;color:var(--soft)}
.hero{display:flex;flex-direction:column;align-items:center;text-align:center;gap:20px}
.hero .meta{margin-top:6px}
.icon{display:grid;place-items:center;width:96px;height:96px;border-radius:24px;background:var(--tint);color:var(--accent)}
.icon svg{width:44px;height:44px}
.picture{display:block;max-width:100%;max-height:56vh;border-radius:12px;background:var(--tint)}
.button{display:inline-flex;align-items:center;justify-content:center;gap:10px;min-height:52px;padding:0 28px;border:0;border-radius:14px;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:650;text-decoration:none;cursor:pointer}
.button:hover{filter:brightness(1.06)}
.button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.button svg{width:20px;height:20px}
form{display:flex;flex-direction:column;gap:14px;width:100%;max-width:340px;text-align:left}
label{font-weight:600;font-size:14px}
input{width:100%;min-height:48px;margin-top:6px;padding:0 14px;border:1px solid var(--line);border-radius:12px;background:var(--bg);color:var(--ink);font:inherit}
.wrong{color:var(--bad)}
nav{display:flex;flex-wrap:wrap;gap:4px 8px;font-size:14px;color:var(--soft);margin-bottom:8px;overflow-wrap:anywhere}
nav a{color:var(--accent);text-decoration:none}
.head{display:flex;flex-direction:column;gap:2px;margin-bottom:16px}
ul{list-style:none;margin:0 -12px;padding:0}
li a{display:flex;align-items:center;gap:14px;padding:11px 12px;border-radius:12px;color:inherit;text-decoration:none}
li a:hover{background:var(--tint)}
li+li{border-top:1px solid var(--line)}
li svg{flex:none;width:24px;height:24px;color:var(--accent)}
li .name{flex:1;min-width:0;overflow-wrap:anywhere}
li .size{flex:none;color:var(--soft);font-size:14px;font-variant-numeric:tabular-nums}
.more{margin-top:16px;text-align:center}
.more a{color:var(--accent);font-weight:600}
.empty{padding:24px 0;text-align:center}
@media (max-width:480px){main{padding:24px 20px;border-radius:16px}header{padding:16px 4px}.hero .button{width:100%}}
`;

/** Whole, since a space more within it is another hash. */
export const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`);

const hash = createHash("sha256").update(STYLE).digest("base64");

/** Nothing runs, nothing is loaded from elsewhere, no other page may frame this one. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${hash}'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // The address is the key: it must not travel to other sites or into an index.
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex, nofollow",
};
